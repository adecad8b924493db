// The only file that knows uPlot.
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Step } from "../api";
import { compact } from "../format";

const kHeight = 242;
const kBarShare = 0.82;
const kBarMax = 34;

export const measure = (element: HTMLElement): { width: number; height: number } => ({
  width: Math.max(120, element.clientWidth - 10),
  height: kHeight,
});

export interface PlotHandlers {
  onCursor: (index: number | null, left: number, width: number) => void;
  onSelect: (from: Date, to: Date) => void;
}

export function draw(element: HTMLElement, steps: Step[], stepSeconds: number, handlers: PlotHandlers): UPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const times = steps.map((step) => Date.parse(step.start) / 1000);
  const failed = steps.map((step) => step.failed);
  const withRetried = steps.map((step, i) => (failed[i] ?? 0) + Math.max(0, step.failed_attempts - step.failed));
  const all = steps.map((step, i) => (withRetried[i] ?? 0) + step.delivered);
  const bars = UPlot.paths.bars!({ size: [kBarShare, kBarMax], align: 1, radius: 0.12 });
  const font = `12px ${colour("--font")}`;
  const layer = (label: string, fill: string): UPlot.Series => ({ label, fill, width: 0, paths: bars, points: { show: false } });
  const first = times[0] ?? 0;
  const last = (times[times.length - 1] ?? 0) + stepSeconds;

  // The tallest layer is drawn first; each lower one covers its foot.
  const plot = new UPlot(
    {
      ...measure(element),
      padding: [10, 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, focus: { prox: -1 } },
      scales: { x: { time: true, range: () => [first, last] }, y: { range: (_plot, _low, high) => [0, niceTop(high)] } },
      axes: [
        { stroke: colour("--muted"), font, grid: { show: false }, ticks: { show: false }, space: 72, size: 30, values: timeLabels(stepSeconds) },
        { stroke: colour("--muted"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, size: 52, space: 40,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8],
          values: (_plot, ticks) => ticks.map((tick) => compact(tick)) },
      ],
      series: [{}, layer("Delivered", colour("--chart-good")), layer("Retried", colour("--warn")), layer("Failed", colour("--bad"))],
      hooks: {
        setCursor: [(u) => {
          const left = u.cursor.left ?? -1;
          const index = left < 0 ? -1 : Math.floor((u.posToVal(left, "x") - first) / stepSeconds);
          handlers.onCursor(index >= 0 && index < steps.length ? index : null, left, u.over.clientWidth);
        }],
        setSelect: [(u) => {
          if (u.select.width < 6) return;
          const from = u.posToVal(u.select.left, "x");
          const to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          handlers.onSelect(new Date(from * 1000), new Date(to * 1000));
        }],
      },
    },
    [times, all, withRetried, failed],
    element,
  );
  return plot;
}

function niceTop(high: number): number {
  if (high <= 4) return 5;
  const unit = 10 ** Math.floor(Math.log10(high));
  return Math.ceil((high * 1.08) / (unit / 2)) * (unit / 2);
}

function timeLabels(stepSeconds: number): UPlot.Axis.Values {
  const short = stepSeconds < 3600;
  const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  return (_plot, ticks) => ticks.map((tick) => {
    const at = new Date(tick * 1000);
    const midnight = at.getHours() === 0 && at.getMinutes() === 0;
    if (midnight) return day.format(at);
    return short ? hour.format(at) : "";
  });
}
