import type { JSX } from "preact";

const kWidth = 132;
const kHeight = 28;
const kLeast = 2; // pixels: what happened at all is seen

// Bars as wide as a table's cell: what arrived, above what failed.
export function Spark({ points, label }: { points: { good: number; bad: number }[]; label: string }): JSX.Element {
  const top = Math.max(1, ...points.map((point) => point.good + point.bad));
  const width = kWidth / Math.max(1, points.length);
  const bar = Math.max(1, width - (width > 3 ? 1 : 0.5));
  const size = (n: number): number => (n > 0 ? Math.max(kLeast, (n / top) * (kHeight - kLeast)) : 0);
  return (
    <svg class="spark" viewBox={`0 0 ${kWidth} ${kHeight}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {points.map(({ good, bad }, i) => (
        <g key={i}>
          {good + bad === 0 && <rect class="none" x={i * width} y={kHeight - 1.5} width={bar} height={1.5} />}
          {bad > 0 && <rect class="bad" x={i * width} y={kHeight - size(bad)} width={bar} height={size(bad)} />}
          {good > 0 && <rect class="good" x={i * width} y={kHeight - size(bad) - size(good)} width={bar} height={size(good)} />}
        </g>
      ))}
    </svg>
  );
}
