// Which events a webhook wants, from the catalogue.
import type { JSX } from "preact";
import { account } from "../../api/account";
import type { EventType } from "../../api/types";
import { useQuery } from "../../query";
import { Button } from "../../ui/button";
import { Problems } from "../../ui/field";
import { Bone, Failure } from "../../ui/states";

export function EventPicker({ chosen, problems, onChange }: { chosen: string[]; problems: string[]; onChange: (events: string[]) => void }): JSX.Element {
  const catalogue = useQuery("events", account.events);
  const all = (catalogue.data ?? []).map((type) => type.event);
  const complete = all.length > 0 && all.every((name) => chosen.includes(name));
  const toggle = (name: string, on: boolean): void => onChange(on ? [...chosen, name] : chosen.filter((each) => each !== name));
  return (
    <fieldset class="field" aria-describedby={problems.length ? "events-problem" : undefined}>
      <legend class="visually-hidden">Events</legend>
      <div class="row spread">
        <span class="hint number">{chosen.length} of {all.length || "…"} chosen</span>
        <Button small disabled={!catalogue.data} onClick={() => onChange(complete ? [] : all)}>{complete ? "Choose none" : "Choose all"}</Button>
      </div>
      <Problems id="events-problem" problems={problems} />
      {catalogue.error && !catalogue.data ? <Failure error={catalogue.error} onRetry={catalogue.reload} /> : !catalogue.data ? <Bone width="100%" height={482} /> : [...groups(catalogue.data)].map(([group, members]) => (
        <div class="event-group" key={group} role="group" aria-label={`${group} events`}>
          <h3>{group[0]?.toUpperCase()}{group.slice(1)}</h3>
          <div class="events-grid">
            {members.map((type) => (
              <label class="check" key={type.event}>
                <input type="checkbox" checked={chosen.includes(type.event)} onChange={(event) => toggle(type.event, event.currentTarget.checked)}
                       aria-invalid={problems.length && type.event === all[0] ? "true" : undefined} />
                <span class="grow"><span class="mono">{type.event}</span><span class="description">{type.description}</span></span>
              </label>
            ))}
          </div>
        </div>
      ))}
    </fieldset>
  );
}

// By the part of the name before the dot.
function groups(types: EventType[]): Map<string, EventType[]> {
  const found = new Map<string, EventType[]>();
  for (const type of types) {
    const group = type.event.split(".")[0] ?? type.event;
    found.set(group, [...(found.get(group) ?? []), type]);
  }
  return found;
}
