// The span that a chart shows, and how finely.
import type { Span } from "./api/types";
import { serverNow } from "./clock";

export type Range = "1h" | "24h" | "7d" | "30d";
export const kRanges: { value: Range; label: string }[] = [
  { value: "1h", label: "1 h" }, { value: "24h", label: "24 h" }, { value: "7d", label: "7 d" }, { value: "30d", label: "30 d" },
];
const kMinute = 60;
const kShape: Record<Range, { length: number; step: number; words: string }> = {
  "1h": { length: 3600, step: kMinute, words: "last hour" },
  "24h": { length: 86_400, step: 30 * kMinute, words: "last 24 hours" },
  "7d": { length: 7 * 86_400, step: 4 * 3600, words: "last 7 days" },
  "30d": { length: 30 * 86_400, step: 12 * 3600, words: "last 30 days" },
};

export const toRange = (text: string | null): Range => (text !== null && text in kShape ? (text as Range) : "24h");
export const rangeLabel = (range: Range): string => kRanges.find(({ value }) => value === range)?.label ?? range;
export const rangeWords = (range: Range): string => kShape[range].words;

// Aligned to the step, so that bars do not change their borders at every reading; the last one is still growing.
export function spanOf(range: Range, now = serverNow()): Span {
  const { length, step } = kShape[range];
  const end = (Math.floor(now / 1000 / step) + 1) * step;
  return { from: iso(end - length), to: iso(end), step };
}
// The same span as a single step: its percentiles are those of the range.
export const wholeSpan = (range: Range, now = serverNow()): Span => ({ ...spanOf(range, now), step: kShape[range].length });
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
