// The event catalogue: what each type means, and what its data looks like where the operator says so.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { DescribedEventType } from "../api/types";
import { useQuery } from "../query";
import { Button } from "../ui/button";
import { Code } from "../ui/code";
import { Dialog } from "../ui/dialog";
import { BoneRows, Failure } from "../ui/states";

export function Catalogue({ read, action }: {
  read: () => Promise<DescribedEventType[]>; action?: (type: DescribedEventType) => ComponentChildren;
}): JSX.Element {
  const types = useQuery("catalogue", read);
  const [shown, setShown] = useState<DescribedEventType | null>(null);
  return (
    <>
      <div class="head"><div class="titles"><h1>Events</h1><p>What a webhook can subscribe to, and what the data of each event looks like.</p></div></div>
      <div class="card">
        {types.error && !types.data ? <Failure error={types.error} onRetry={types.reload} /> : (
          <div class="table-holder">
            <table class="table">
              <thead><tr><th>Event</th><th class="optional">Data</th><th class="right"><span class="visually-hidden">Details</span></th></tr></thead>
              <tbody>{!types.data ? <BoneRows rows={11} columns={[220, 90, 60]} /> : types.data.map((type) => <Row key={type.event} type={type} onShow={() => setShown(type)} />)}</tbody>
            </table>
          </div>
        )}
      </div>
      {shown && <Details type={shown} action={action?.(shown)} onClose={() => setShown(null)} />}
    </>
  );
}

const isDescribed = (type: DescribedEventType): boolean => type.schema !== null || type.example !== null;

function Row({ type, onShow }: { type: DescribedEventType; onShow: () => void }): JSX.Element {
  return (
    <tr>
      <td><div class="primary-cell"><b class="mono wrap-anywhere">{type.event}</b><div class="sub">{type.description}</div></div></td>
      <td class="optional nowrap">{type.is_checked ? <span class="badge good"><span class="dot good" />Checked</span> : type.schema !== null ? <span class="badge">Schema</span> : type.example !== null ? <span class="badge">Example</span> : null}</td>
      <td class="right">{isDescribed(type) && <Button small onClick={onShow}>Show<span class="visually-hidden"> {type.event}</span></Button>}</td>
    </tr>
  );
}

function Details({ type, action, onClose }: { type: DescribedEventType; action: ComponentChildren; onClose: () => void }): JSX.Element {
  return (
    <Dialog wide title={type.event} onClose={onClose} footer={action}>
      <div class="stack loose">
        <p>{type.description}{type.is_checked && <span class="muted"> An event whose data does not fit the schema is refused when it is published.</span>}</p>
        {type.example !== null && <Code json label="Example" title="Example" text={JSON.stringify(type.example, null, 2)} />}
        {type.schema !== null && <Code json label="JSON Schema" title="JSON Schema" text={JSON.stringify(type.schema, null, 2)} />}
      </div>
    </Dialog>
  );
}
