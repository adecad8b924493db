// The figures at the top of a screen, each holding its place until it is there.
import type { JSX } from "preact";
import type { Step } from "../api/types";
import { serverNow } from "../clock";
import { compact, count, duration, percent, span } from "../format";
import { sum } from "../steps";
import { Bone } from "../ui/states";
import { Figure } from "../ui/text";

const value = <Bone width={64} height={22} />;
const note = <Bone width={96} height={12} />;

// What was delivered, and how much of what ended was.
export function OutcomeFigures({ steps }: { steps: Step[] | undefined }): JSX.Element {
  const totals = steps ? sum(steps) : undefined;
  return (
    <>
      <Figure label="Delivered" value={totals ? compact(totals.delivered) : value} note={totals ? `${count(totals.retried)} retried` : note} />
      <Figure label="Success rate" value={totals ? percent(totals.delivered, totals.delivered + totals.failed) : value} note={totals ? `${count(totals.failed)} failed` : note} />
    </>
  );
}

// `whole`: the range as one step.
export function LatencyFigure({ whole }: { whole: Step[] | undefined }): JSX.Element {
  const step = whole?.at(-1);
  return (
    <Figure label="Latency" value={whole ? duration(step?.duration_p50_ms) : value} unit={step && step.duration_p50_ms !== null ? "p50" : ""}
            note={whole ? `p95 ${duration(step?.duration_p95_ms)}` : note} />
  );
}

// How many first attempts began within their target. There whether or not one is set, so that nothing moves once that is known.
// `whole`: as above.
export function InTimeFigure({ whole }: { whole: Step[] | undefined }): JSX.Element {
  const step = whole?.at(-1);
  const held = step?.first_attempts ?? 0;
  return (
    <Figure label="Begun in time" value={whole ? percent(held - (step?.first_attempts_late ?? 0), held) : value}
            note={!whole ? note : held ? `p95 ${duration(step?.first_attempt_p95_ms)}` : "no target in this time"} />
  );
}

export function WaitingFigure({ pending, inFlight }: { pending: number | undefined; inFlight?: number }): JSX.Element {
  const words = (n: number): string => (inFlight !== undefined ? `${compact(inFlight)} in flight` : n ? "to be sent or retried" : "all caught up");
  return <Figure label="Waiting now" value={pending === undefined ? value : compact(pending)} note={pending === undefined ? note : words(pending)} />;
}

// `since`: when the oldest waiting delivery was created; null: none waits; undefined: not known yet.
export function OldestFigure({ since }: { since: string | null | undefined }): JSX.Element {
  return (
    <Figure label="Oldest waiting" value={since === undefined ? value : since === null ? "–" : span(serverNow() - Date.parse(since))}
            note={since === undefined ? note : since === null ? "nothing waits" : "since it was created"} />
  );
}
