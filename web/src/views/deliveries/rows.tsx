// Entries of a log in a table; arrows (or j, k) move from one to the next.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Entry } from "../../api/types";
import { navigate, openOver } from "../../router";
import { BoneRows } from "../../ui/states";
import { ResponseCode, StatusBadge, Time } from "../../ui/text";

const kNothing: ReadonlySet<number> = new Set();

// `bones`: how many rows hold the place of what is not there yet. `open`: the delivery that is open. `over`: they open over this screen.
export function LogRows({ entries, bones, target, open, over, fresh = kNothing }: {
  entries: Entry[] | undefined; bones: number; target: (entry: Entry) => string; open?: string | null; over?: boolean; fresh?: ReadonlySet<number>;
}): JSX.Element {
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
    const row = (event.target as Element).closest("tr");
    if (!step || !row || !body.current) return;
    const link = (step > 0 ? row.nextElementSibling : row.previousElementSibling)?.querySelector<HTMLElement>("a");
    if (!link) return;
    event.preventDefault();
    link.focus();
  };
  return (
    <div class="table-holder">
      <table class="table dense">
        <thead><tr><th>Event</th><th>Status</th><th class="optional">Response</th><th class="optional right">Attempts</th><th class="optional">Delivery</th><th class="right">Created</th></tr></thead>
        <tbody ref={body} onKeyDown={move}>
          {!entries ? <BoneRows rows={bones} columns={[140, 76, 40, 20, 210, 90]} /> : entries.map((entry) => (
            <tr key={entry.id} class={`link${entry.delivery_id === open ? " open" : ""}${fresh.has(entry.id) ? " fresh" : ""}`}
                onClick={(event) => { if (!(event.target as Element).closest("a")) navigate(target(entry), over ? "over" : "further"); }}>
              <td><a class="mono nowrap" href={target(entry)} onClick={(event) => { if (over) openOver(event, target(entry)); }}>{entry.event_type}</a></td>
              <td><StatusBadge status={entry.status} /></td>
              <td class="optional"><ResponseCode code={entry.response_status_code} /></td>
              <td class="optional right">{entry.attempt_number}</td>
              <td class="optional mono muted nowrap">{entry.delivery_id}</td>
              <td class="right nowrap"><Time at={entry.created_at} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
