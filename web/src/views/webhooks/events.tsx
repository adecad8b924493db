// Which events a webhook wants, from the catalogue; by name, or by a pattern such as `contact.*`.
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
  const covered = new Set(all.filter((name) => chosen.some((pattern) => covers(pattern, name))));
  const complete = all.length > 0 && covered.size === all.length;
  const toggle = (name: string, on: boolean): void => onChange(on ? [...chosen, name] : chosen.filter((each) => each !== name));
  return (
    <fieldset class="field" aria-describedby={problems.length ? "events-problem" : undefined}>
      <legend class="visually-hidden">Events</legend>
      <div class="row spread">
        <span class="hint number">{covered.size} of {all.length || "…"} chosen</span>
        <Button small disabled={!catalogue.data} onClick={() => onChange(complete ? [] : all)}>{complete ? "Choose none" : "Choose all"}</Button>
      </div>
      <Problems id="events-problem" problems={problems} />
      {catalogue.data && <div class="events-grid"><Pattern pattern="*" about="Every event, also those that are added later" chosen={chosen} toggle={toggle} /></div>}
      {catalogue.error && !catalogue.data ? <Failure error={catalogue.error} onRetry={catalogue.reload} /> : !catalogue.data ? <Bone width="100%" height={482} /> : [...groups(catalogue.data)].map(([group, members]) => (
        <div class="event-group" key={group} role="group" aria-label={`${group} events`}>
          <h3>{group[0]?.toUpperCase()}{group.slice(1)}</h3>
          <div class="events-grid">
            {members.length > 1 && <Pattern pattern={`${group}.*`} about={`Every ${group} event, also those that are added later`} chosen={chosen} toggle={toggle} />}
            {members.map((type) => (
              <label class="check" key={type.event}>
                <input type="checkbox" checked={covered.has(type.event)} disabled={covered.has(type.event) && !chosen.includes(type.event)} onChange={(event) => toggle(type.event, event.currentTarget.checked)}
                       aria-invalid={problems.length && type.event === all[0] ? "true" : undefined} />
                <span class="grow"><span class="mono">{type.event}</span><span class="description">{type.description}</span></span>
              </label>
            ))}
          </div>
        </div>
      ))}
      {catalogue.data && <Others chosen={chosen.filter((name) => !all.includes(name) && !isShown(name, all))} onRemove={(name) => toggle(name, false)} />}
    </fieldset>
  );
}

function Pattern({ pattern, about, chosen, toggle }: {
  pattern: string; about: string; chosen: string[]; toggle: (name: string, on: boolean) => void;
}): JSX.Element {
  const own = chosen.includes(pattern);
  const covered = pattern !== "*" && chosen.includes("*");
  return (
    <label class="check">
      <input type="checkbox" checked={own || covered} disabled={covered && !own} onChange={(event) => toggle(pattern, event.currentTarget.checked)} />
      <span class="grow"><span class="mono">{pattern}</span><span class="description">{about}</span></span>
    </label>
  );
}

// What has no box above: patterns that somebody set through the API.
function Others({ chosen, onRemove }: { chosen: string[]; onRemove: (name: string) => void }): JSX.Element | null {
  if (!chosen.length) return null;
  return (
    <div class="row wrap">
      {chosen.map((name) => <span class="row" key={name}><span class="tag">{name}</span><Button small onClick={() => onRemove(name)}>Remove<span class="visually-hidden"> {name}</span></Button></span>)}
    </div>
  );
}

// Does a webhook that subscribed to the pattern get events of this name?
export const covers = (pattern: string, name: string): boolean => (pattern === "*" || pattern.endsWith(".*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name);

// Has the pattern a box of its own?
const isShown = (pattern: string, all: string[]): boolean =>
  pattern === "*" || (/^[^.*]+\.\*$/.test(pattern) && all.filter((name) => name.startsWith(pattern.slice(0, -1))).length > 1);

// By the part of the name before the dot.
function groups(types: EventType[]): Map<string, EventType[]> {
  const found = new Map<string, EventType[]>();
  for (const type of types) {
    const group = type.event.split(".")[0] ?? type.event;
    found.set(group, [...(found.get(group) ?? []), type]);
  }
  return found;
}
