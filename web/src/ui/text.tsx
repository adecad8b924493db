// Words and marks: states, moments, figures, and text that somebody else wrote.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Status } from "../api/types";
import { serverNow } from "../clock";
import { ago, fullTime, localTime, span, utcTime } from "../format";
import { observable } from "../store";
import { CheckIcon, ClockIcon, CrossIcon } from "./icons";

export function StatusBadge({ status }: { status: Status }): JSX.Element {
  if (status === "delivered") return <span class="badge good"><CheckIcon />Delivered</span>;
  if (status === "failed") return <span class="badge bad"><CrossIcon />Failed</span>;
  return <span class="badge warn"><ClockIcon />Pending</span>;
}

// The status that a receiver answered with; a dash where it did not.
export function ResponseCode({ code }: { code: number | null }): JSX.Element {
  if (code === null) return <span class="muted">–</span>;
  return <span class={`code-badge${code >= 200 && code < 300 ? "" : " bad"}`}>{code}</span>;
}

// A moment in the viewer's own zone; the exact moment in UTC is its title. `full`: with its date, also today.
export function Time({ at, relative, full }: { at: string; relative?: boolean; full?: boolean }): JSX.Element {
  useSecond(relative ?? false);
  return <time class="number" dateTime={at} title={utcTime(at)}>{relative ? ago(at) : full ? fullTime(at) : localTime(at)}</time>;
}

// `in 1 min 20 s`, counting down.
export function Countdown({ to }: { to: string }): JSX.Element {
  useSecond(true);
  const left = Date.parse(to) - serverNow();
  return <time class="number" dateTime={to} title={utcTime(to)}>{left > 0 ? `in ${span(left)}` : "any moment now"}</time>;
}

const second = observable(0);
window.setInterval(() => document.visibilityState === "visible" && second.set(second.get() + 1), 1000);
function useSecond(wanted: boolean): void {
  const [, redraw] = useState(0);
  useEffect(() => (wanted ? second.subscribe(() => redraw((n) => n + 1)) : undefined), [wanted]);
}

// Characters that are not seen but change how what stands around them is read: direction overrides, isolates, control codes.
const kInvisible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
export const visible = (text: string): string =>
  text.replace(kInvisible, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

// Text that somebody else wrote: isolated, so that it cannot rearrange what stands around it, and with nothing hidden in it.
export const Foreign = ({ children }: { children: string }): JSX.Element => <bdi>{visible(children)}</bdi>;

export function Figure({ label, value, unit, note }: {
  label: string; value: ComponentChildren; unit?: string; note?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd class="value">{value}{unit && <small> {unit}</small>}</dd>
      {note !== undefined && <dd class="remark">{note}</dd>}
    </div>
  );
}
