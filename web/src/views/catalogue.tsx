// The event catalogue: what each type means, and what its data looks like where the operator says so.
import type { ComponentChildren, JSX } from "preact";
import { account } from "../api/account";
import { operator } from "../api/operator";
import type { DescribedEventType } from "../api/types";
import { plural } from "../format";
import { writeJson } from "../json";
import { useQuery } from "../query";
import { changeParams, closeOver, href, hrefWith, navigate, openOver, useRoute } from "../router";
import { Code } from "../ui/code";
import { Dialog } from "../ui/dialog";
import { SendIcon } from "../ui/icons";
import { SearchBox } from "../ui/search";
import { BoneRows, Failure, NoMatch } from "../ui/states";
import { Foreign } from "../ui/text";
import { covers } from "./webhooks/events";

const kBuiltIn = 11; // so many there are at least

// The last column of a row, and what stands below the details.
interface Extras {
  head: ComponentChildren;
  cell: (type: DescribedEventType) => ComponentChildren;
  footer?: (type: DescribedEventType) => ComponentChildren;
}

export function AccountCatalogue(): JSX.Element {
  const webhooks = useQuery("webhooks", account.webhooks);
  const takers = ({ event }: DescribedEventType): ComponentChildren => {
    if (!webhooks.data) return "\u00a0";
    const count = webhooks.data.filter((one) => one.is_active && one.events.some((pattern) => covers(pattern, event))).length;
    return count ? <a href={href("webhooks", { search: event })}>{plural(count, "webhook")}</a> : <span class="muted">nobody</span>;
  };
  return <Catalogue read={account.catalogue} extras={{ head: "Delivered to", cell: takers }} />;
}

export function OperatorCatalogue(): JSX.Element {
  const publish = ({ event }: DescribedEventType): string => href("publish", { event });
  return (
    <Catalogue read={operator.catalogue} extras={{
      head: <span class="visually-hidden">Publish</span>,
      cell: (type) => <a class="button small" href={publish(type)}>Publish<span class="visually-hidden"> {type.event}</span></a>,
      footer: (type) => <a class="button primary" href={publish(type)}><SendIcon />Publish one</a>,
    }} />
  );
}

function Catalogue({ read, extras }: { read: () => Promise<DescribedEventType[]>; extras: Extras }): JSX.Element {
  const types = useQuery("catalogue", read);
  const { params } = useRoute();
  const search = params.get("search")?.trim().toLowerCase() ?? "";
  const listed = types.data?.filter((type) => `${type.event} ${type.description}`.toLowerCase().includes(search));
  const open = types.data?.find((type) => type.event === params.get("type"));
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Events</h1><p>What webhooks can subscribe to.</p></div>
        <div class="actions"><SearchBox label="Search events" placeholder="Name or description" /></div>
      </div>
      <div class="card">
        {types.error && !types.data ? <Failure error={types.error} onRetry={types.reload} />
          : listed?.length === 0 ? <NoMatch onClear={() => changeParams({ search: null })}>No event has “<Foreign>{search}</Foreign>” in its name or description.</NoMatch> : (
          <div class="table-holder">
            <table class="table">
              <thead><tr><th>Event</th><th class="optional">Data</th><th class="right">{extras.head}</th></tr></thead>
              <tbody>{!listed ? <BoneRows rows={kBuiltIn} columns={[220, 90, 60]} /> : listed.map((type) => <Row key={type.event} type={type} last={extras.cell(type)} />)}</tbody>
            </table>
          </div>
        )}
      </div>
      {open && <Details type={open} footer={extras.footer?.(open)} onClose={() => closeOver({ type: null })} />}
    </>
  );
}

const isDescribed = (type: DescribedEventType): boolean => type.schema !== null || type.example !== null;

function Row({ type, last }: { type: DescribedEventType; last: ComponentChildren }): JSX.Element {
  const target = hrefWith({ type: type.event });
  const name = <Foreign>{type.event}</Foreign>;
  return (
    <tr class={isDescribed(type) ? "link" : ""} onClick={(event) => { if (isDescribed(type) && !(event.target as Element).closest("a")) navigate(target, "over"); }}>
      <td>
        <div class="primary-cell">
          {isDescribed(type) ? <a class="mono wrap-anywhere" href={target} onClick={(event) => openOver(event, target)}>{name}</a> : <b class="mono wrap-anywhere">{name}</b>}
          <div class="sub"><Foreign>{type.description}</Foreign></div>
        </div>
      </td>
      <td class="optional nowrap"><Described type={type} /></td>
      <td class="right nowrap">{last}</td>
    </tr>
  );
}

function Described({ type }: { type: DescribedEventType }): JSX.Element {
  if (type.is_checked) return <span class="badge good"><span class="dot good" />Checked</span>;
  if (type.schema !== null) return <span class="badge">Schema</span>;
  if (type.example !== null) return <span class="badge">Example</span>;
  return <span class="muted">–</span>;
}

function Details({ type, footer, onClose }: { type: DescribedEventType; footer: ComponentChildren; onClose: () => void }): JSX.Element {
  return (
    <Dialog wide title={<span class="mono"><Foreign>{type.event}</Foreign></span>} onClose={onClose} footer={footer}>
      <div class="stack">
        <p><Foreign>{type.description}</Foreign></p>
        {type.is_checked && <p class="row"><Described type={type} /><span class="muted">What does not fit the schema is refused when it is published.</span></p>}
        {type.example !== null && <Code json label="Example" title="Example" text={writeJson(type.example, 2)} />}
        {type.schema !== null && <Code json label="JSON Schema" title="JSON Schema" text={writeJson(type.schema, 2)} />}
      </div>
    </Dialog>
  );
}
