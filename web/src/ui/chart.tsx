// Deliveries over time, stacked: delivered, attempts that failed and were retried, failed for good. uPlot is loaded when the first
// chart is shown; its place is held meanwhile.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type UPlot from "uplot";
import type { Step } from "../api";
import { compact, count, duration } from "../format";
import { shownTheme } from "../theme";
import { useObservable } from "../store";
import { Bone } from "./parts";

export const retried = (step: Step): number => Math.max(0, step.failed_attempts - step.failed);

interface Tip {
  left: number;
  flip: boolean;
  index: number;
}

export function DeliveriesChart({ steps, stepSeconds, words, onSelect }: {
  steps: Step[] | undefined; stepSeconds: number; words: string; onSelect?: (from: Date, to: Date) => void;
}): JSX.Element {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const [asTable, setAsTable] = useState(false);
  const themeNow = useObservable(shownTheme);
  const select = useRef(onSelect);
  select.current = onSelect;

  useEffect(() => {
    const element = holder.current;
    if (!element || !steps || asTable) return;
    let stopped = false;
    let resizes: ResizeObserver | null = null;
    void import("./plot").then(({ draw, measure }) => {
      if (stopped) return;
      plot.current = draw(element, steps, stepSeconds, {
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
  }, [steps, stepSeconds, themeNow, asTable]);

  const shown = tip && steps ? steps[tip.index] : undefined;
  const total = (steps ?? []).reduce((sum, step) => ({
    delivered: sum.delivered + step.delivered, retried: sum.retried + retried(step), failed: sum.failed + step.failed,
  }), { delivered: 0, retried: 0, failed: 0 });
  return (
    <>
      <header>
        <h2>Deliveries, {words}</h2>
        <div class="legend">
          <span><i class="swatch good" />Delivered</span>
          <span><i class="swatch warn" />Retried</span>
          <span><i class="swatch bad" />Failed</span>
          <button type="button" class="button plain small" aria-pressed={asTable ? "true" : "false"} disabled={!steps} onClick={() => setAsTable(!asTable)}>
            {asTable ? "Chart" : "Table"}
          </button>
        </div>
      </header>
      <div class="chart-holder">
        {!steps ? <Bone width="100%" height={236} /> : asTable ? <StepTable steps={steps} /> : (
          <div class="chart" ref={holder} role="img"
               aria-label={`${words}: ${count(total.delivered)} delivered, ${count(total.retried)} attempts retried, ${count(total.failed)} failed. Use the Table button for the figures.`}>
            {shown && tip && (
              <div class="tip" style={{ left: tip.flip ? "auto" : `${tip.left + 64}px`, right: tip.flip ? `calc(100% - ${tip.left + 34}px)` : "auto" }}>
                <b>{stepTitle(shown.start, stepSeconds)}</b>
                <div><span><i class="swatch good" />Delivered</span>{count(shown.delivered)}</div>
                <div><span><i class="swatch warn" />Retried</span>{count(retried(shown))}</div>
                <div><span><i class="swatch bad" />Failed</span>{count(shown.failed)}</div>
                <div class="muted"><span>p50 / p95</span>{duration(shown.duration_p50_ms)} / {duration(shown.duration_p95_ms)}</div>
              </div>
            )}
          </div>
        )}
      </div>
    </>
  );
}

function stepTitle(start: string, stepSeconds: number): string {
  const from = new Date(start);
  const to = new Date(from.getTime() + stepSeconds * 1000);
  const day = from.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const hour = (at: Date): string => at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return `${day}, ${hour(from)} – ${hour(to)}`;
}

function StepTable({ steps }: { steps: Step[] }): JSX.Element {
  return (
    <div class="table-holder" style={{ maxHeight: "248px" }} tabIndex={0} role="region" aria-label="Deliveries over time">
      <table class="table dense">
        <thead><tr><th>From</th><th class="right">Delivered</th><th class="right">Retried</th><th class="right">Failed</th><th class="right optional">p50</th><th class="right optional">p95</th></tr></thead>
        <tbody>
          {[...steps].reverse().map((step) => (
            <tr key={step.start}>
              <td class="nowrap">{new Date(step.start).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" })}</td>
              <td class="right">{compact(step.delivered)}</td><td class="right">{compact(retried(step))}</td><td class="right">{compact(step.failed)}</td>
              <td class="right optional">{duration(step.duration_p50_ms)}</td><td class="right optional">{duration(step.duration_p95_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
