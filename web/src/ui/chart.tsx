// Deliveries over time, stacked: delivered, attempts that failed and were retried, failed for good; or the events that they came from; or
// how long attempts took; or all in figures.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type UPlot from "uplot";
import type { Step } from "../api/types";
import { count, duration, utcTime, zone } from "../format";
import { rangeWords, spanOf, type Range } from "../range";
import { changeParams, useRoute } from "../router";
import { retried, sum } from "../steps";
import { useObservable } from "../store";
import { shownTheme } from "../theme";
import { Segments } from "./field";
import { Bone } from "./states";

type View = "deliveries" | "events" | "latency" | "table";
const kViews: { value: View; label: string }[] = [
  { value: "deliveries", label: "Deliveries" }, { value: "events", label: "Events" }, { value: "latency", label: "Latency" },
  { value: "table", label: "Table" },
];

interface Mark {
  swatch: string;
  label: string;
}
const kMarks: Record<Exclude<View, "table">, Mark[]> = {
  deliveries: [{ swatch: "good", label: "Delivered" }, { swatch: "warn", label: "Retried" }, { swatch: "bad", label: "Failed" }],
  events: [{ swatch: "p50", label: "Published" }],
  latency: [{ swatch: "p50", label: "p50" }, { swatch: "p95", label: "p95" }],
};

// `onSelect`: a span was drawn over with the mouse. `events`: the steps tell how many were published.
export function DeliveriesChart({ steps, range, events, onSelect, footer }: {
  steps: Step[] | undefined; range: Range; events?: boolean; onSelect?: (from: Date, to: Date) => void; footer?: ComponentChildren;
}): JSX.Element {
  const views = kViews.filter(({ value }) => events || value !== "events");
  const asked = useRoute().params.get("chart");
  const view = views.find(({ value }) => value === asked)?.value ?? "deliveries";
  return (
    <section class="card" aria-label="Deliveries over time">
      <header>
        <h2 class="grow">Over time <span class="muted range-words">{rangeWords(range)}</span></h2>
        {view !== "table" && <Legend marks={kMarks[view]} />}
        <Segments<View> label="Shown as" value={view} options={views} disabled={!steps}
                        onChange={(next) => changeParams({ chart: next === "deliveries" ? null : next })} />
      </header>
      <div class="chart-holder">
        {!steps ? <Bone width="100%" height={236} /> : view === "table" ? <StepTable steps={steps} />
          : <Plot key={view} kind={view} steps={steps} range={range} {...(onSelect ? { onSelect } : {})} />}
      </div>
      {footer && <div class="more spread">{footer}</div>}
    </section>
  );
}

const Legend = ({ marks }: { marks: Mark[] }): JSX.Element => (
  <div class="legend">{marks.map(({ swatch, label }) => <span key={label}><i class={`swatch ${swatch}`} />{label}</span>)}</div>
);

interface Tip {
  index: number;
  left: number;
  flip: boolean; // to the cursor's left
}

function Plot({ kind, steps, range, onSelect }: {
  kind: Exclude<View, "table">; steps: Step[]; range: Range; onSelect?: (from: Date, to: Date) => void;
}): JSX.Element {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const theme = useObservable(shownTheme);
  const select = useRef(onSelect);
  select.current = onSelect;
  const stepSeconds = spanOf(range).step;

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    let stopped = false;
    let resizes: ResizeObserver | null = null;
    // Its place is held meanwhile.
    void import("./plot").then(({ draw, measure }) => {
      if (stopped) return;
      plot.current = draw(element, kind, steps, stepSeconds, {
        onCursor: (index, left, width) => setTip(index === null ? null : { index, left, flip: left > width * 0.6 }),
        onSelect: (from, to) => select.current?.(from, to),
      });
      resizes = new ResizeObserver(() => plot.current?.setSize(measure(element)));
      resizes.observe(element);
    });
    return () => {
      stopped = true;
      resizes?.disconnect();
      plot.current?.destroy();
      plot.current = null;
      setTip(null);
    };
  }, [kind, steps, stepSeconds, theme]);

  const shown = tip ? steps[tip.index] : undefined;
  return (
    <div class="chart" ref={holder} role="img" aria-label={inWords(kind, steps, range)}>
      {isEmpty(kind, steps) && <p class="nothing">{kind === "events" ? "Nothing was published" : "Nothing was delivered"} in the {rangeWords(range)}.</p>}
      {shown && tip && (
        <div class="tip" style={{ left: tip.flip ? "auto" : `${tip.left + 66}px`, right: tip.flip ? `calc(100% - ${tip.left + 42}px)` : "auto" }}>
          <b>{stepTitle(shown.start, stepSeconds)}</b>
          {figuresOf(shown).map(({ swatch, label, value }) => (
            <div key={label}><span>{swatch && <i class={`swatch ${swatch}`} />}{label}</span>{value}</div>
          ))}
        </div>
      )}
    </div>
  );
}

function figuresOf(step: Step): { swatch: string; label: string; value: string }[] {
  return [
    ...(step.events === undefined ? [] : [{ swatch: "", label: "Events", value: count(step.events) }]),
    { swatch: "good", label: "Delivered", value: count(step.delivered) },
    { swatch: "warn", label: "Retried", value: count(retried(step)) },
    { swatch: "bad", label: "Failed", value: count(step.failed) },
    { swatch: "", label: "Latency p50", value: duration(step.duration_p50_ms) },
    { swatch: "", label: "Latency p95", value: duration(step.duration_p95_ms) },
  ];
}

function isEmpty(kind: Exclude<View, "table">, steps: Step[]): boolean {
  const { delivered, retried: again, failed, events } = sum(steps);
  return (kind === "events" ? events : delivered + again + failed) === 0;
}

// What a chart says to who cannot see it.
function inWords(kind: Exclude<View, "table">, steps: Step[], range: Range): string {
  const end = "Choose Table for the figures.";
  if (kind === "latency") return `How long attempts took in the ${rangeWords(range)}. ${end}`;
  const { delivered, retried: again, failed, events } = sum(steps);
  if (kind === "events") return `${rangeWords(range)}: ${count(events)} events published. ${end}`;
  return `${rangeWords(range)}: ${count(delivered)} delivered, ${count(again)} attempts retried, ${count(failed)} failed. ${end}`;
}

function stepTitle(start: string, stepSeconds: number): string {
  const from = new Date(start);
  const to = new Date(from.getTime() + stepSeconds * 1000);
  const day = from.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const hour = (at: Date): string => at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const [fromZone, toZone] = [zone(from), zone(to)];
  return `${day}, ${hour(from)}${fromZone === toZone ? "" : fromZone} – ${hour(to)}${toZone}`;
}

function StepTime({ start }: { start: string }): JSX.Element {
  const at = new Date(start);
  return <time dateTime={start} title={utcTime(start)}>{at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }) + zone(at)}</time>;
}

function StepTable({ steps }: { steps: Step[] }): JSX.Element {
  const events = steps[0]?.events !== undefined;
  return (
    <div class="table-holder chart-table" tabIndex={0} role="region" aria-label="Figures of each step">
      <table class="table dense">
        <thead><tr><th>From</th>{events && <th class="right optional">Events</th>}<th class="right">Delivered</th><th class="right">Retried</th><th class="right">Failed</th><th class="right optional">p50</th><th class="right optional">p95</th></tr></thead>
        <tbody>
          {[...steps].reverse().map((step) => (
            <tr key={step.start}>
              <td class="nowrap"><StepTime start={step.start} /></td>
              {events && <td class="right optional">{count(step.events ?? 0)}</td>}
              <td class="right">{count(step.delivered)}</td><td class="right">{count(retried(step))}</td><td class="right">{count(step.failed)}</td>
              <td class="right optional">{duration(step.duration_p50_ms)}</td><td class="right optional">{duration(step.duration_p95_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
