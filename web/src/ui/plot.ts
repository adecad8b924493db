// The only file that knows uPlot. Loaded when the first chart is shown.
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Step } from "../api/types";
import { compact, duration } from "../format";
import { retried } from "../steps";

export type PlotKind = "deliveries" | "events" | "latency";

const kHeight = 242;
const kBarShare = 0.8;
const kBarMax = 34;
const kLabelRoom = 14; // pixels: what half a label sticks out over the plot's ends, less the padding
const kLeastDrag = 6; // pixels; less is a click
const kCounts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8];
const kDurations = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 30e4];

export const measure = (element: HTMLElement): { width: number; height: number } => ({
  width: Math.max(120, element.clientWidth),
  height: kHeight,
});

export interface PlotHandlers {
  onCursor: (index: number | null, left: number, width: number) => void;
  onSelect: (from: Date, to: Date) => void;
}

interface Layers {
  rows: (number | null)[][];
  series: UPlot.Series[];
  leastTop: number; // of the scale, so that a quiet hour does not look like a busy one
}

function layer(label: string, fill: string): UPlot.Series {
  const paths = UPlot.paths.bars!({ size: [kBarShare, kBarMax], align: 1, radius: 0.12 });
  return { label, fill, width: 0, paths, points: { show: false } };
}

// Stacked by covering: the tallest layer is drawn first, each lower one covers its foot.
function stack(steps: Step[], colour: (name: string) => string): Layers {
  const failed = steps.map((step) => step.failed);
  const withRetried = steps.map((step) => step.failed + retried(step));
  const all = steps.map((step) => step.failed + retried(step) + step.delivered);
  return {
    rows: [all, withRetried, failed],
    series: [layer("Delivered", colour("--chart-good")), layer("Retried", colour("--chart-warn")), layer("Failed", colour("--chart-bad"))],
    leastTop: 5,
  };
}

function bars(steps: Step[], colour: (name: string) => string): Layers {
  return { rows: [steps.map((step) => step.events ?? 0)], series: [layer("Events", colour("--chart-p50"))], leastTop: 5 };
}

function lines(steps: Step[], colour: (name: string) => string): Layers {
  const line = (label: string, name: string): UPlot.Series => ({
    label, stroke: colour(name), width: 2, spanGaps: false, points: { show: (_u, _i, from, to) => to - from < 2, size: 5, fill: colour(name) },
  });
  return {
    rows: [steps.map((step) => step.duration_p95_ms), steps.map((step) => step.duration_p50_ms)],
    series: [line("p95", "--chart-p95"), line("p50", "--chart-p50")],
    leastTop: 1,
  };
}

const kLayers = { deliveries: stack, events: bars, latency: lines };

export function draw(element: HTMLElement, kind: PlotKind, steps: Step[], stepSeconds: number, handlers: PlotHandlers): UPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const times = steps.map((step) => Date.parse(step.start) / 1000);
  const { rows, series, leastTop } = kLayers[kind](steps, colour);
  const font = `12px ${colour("--font")}`;
  const first = times[0] ?? 0;
  const last = (times[times.length - 1] ?? 0) + stepSeconds;
  const label = kind !== "latency" ? compact : (ms: number) => (ms === 0 ? "0" : duration(ms));
  return new UPlot(
    {
      ...measure(element),
      padding: [10, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: kind === "latency" }, drag: { x: true, y: false, setScale: false }, focus: { prox: -1 } },
      scales: { x: { time: true, range: () => [first, last] }, y: { range: (_plot, _low, high) => [0, niceTop(high, leastTop)] } },
      axes: [
        { stroke: colour("--muted"), font, grid: { show: false }, ticks: { show: false }, space: 72, size: 30, values: timeLabels(stepSeconds) },
        { stroke: colour("--muted"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, size: 54, space: 40,
          incrs: kind === "latency" ? kDurations : kCounts, values: (_plot, ticks) => ticks.map(label) },
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [(u) => {
          const left = u.cursor.left ?? -1;
          const index = left < 0 ? -1 : Math.floor((u.posToVal(left, "x") - first) / stepSeconds);
          handlers.onCursor(index >= 0 && index < steps.length ? index : null, left, u.over.clientWidth);
        }],
        setSelect: [(u) => {
          if (u.select.width < kLeastDrag) return;
          const from = u.posToVal(u.select.left, "x");
          const to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          handlers.onSelect(new Date(from * 1000), new Date(to * 1000));
        }],
      },
    },
    [times, ...rows],
    element,
  );
}

function niceTop(high: number | null, least: number): number {
  if (high === null || high < least) return least;
  const unit = 10 ** Math.floor(Math.log10(high));
  return Math.ceil((high * 1.05) / (unit / 2)) * (unit / 2);
}

function timeLabels(stepSeconds: number): UPlot.Axis.Values {
  const short = stepSeconds < 3600;
  const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  return (plot, ticks) => ticks.map((tick) => {
    // One at the very end would be cut off, and one at the very beginning stand below that of the other axis.
    const left = plot.valToPos(tick, "x");
    if (left < kLabelRoom || left > plot.bbox.width / devicePixelRatio - kLabelRoom) return "";
    const at = new Date(tick * 1000);
    const midnight = at.getHours() === 0 && at.getMinutes() === 0;
    if (midnight) return day.format(at);
    return short ? hour.format(at) : "";
  });
}
