import type { JSX } from "preact";

const kWidth = 132;
const kHeight = 28;
const kLeast = 2; // pixels: what happened at all is seen

// Bars as wide as a table's cell: what arrived, above what failed. One path a colour, since a table of a hundred webhooks has thousands
// of bars.
export function Spark({ points, label }: { points: { good: number; bad: number }[]; label: string }): JSX.Element {
  const top = Math.max(1, ...points.map((point) => point.good + point.bad));
  const width = kWidth / Math.max(1, points.length);
  const bar = Math.max(1, width - (width > 3 ? 1 : 0.5));
  const size = (n: number): number => (n > 0 ? Math.max(kLeast, (n / top) * (kHeight - kLeast)) : 0);
  const paths = { good: "", bad: "", none: "" };
  const add = (path: keyof typeof paths, i: number, foot: number, height: number): void => {
    if (height > 0) paths[path] += `M${(i * width).toFixed(2)} ${foot.toFixed(2)}v-${height.toFixed(2)}h${bar.toFixed(2)}v${height.toFixed(2)}z`;
  };
  points.forEach(({ good, bad }, i) => {
    add("none", i, kHeight, good + bad === 0 ? 1.5 : 0);
    add("bad", i, kHeight, size(bad));
    add("good", i, kHeight - size(bad), size(good));
  });
  return (
    <svg class="spark" viewBox={`0 0 ${kWidth} ${kHeight}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path class="none" d={paths.none} /><path class="bad" d={paths.bad} /><path class="good" d={paths.good} />
    </svg>
  );
}
