// What steps of a span of time add up to.
import type { Step } from "./api/types";

export interface Totals {
  events: number; // published; 0 where that is not told
  delivered: number;
  retried: number; // attempts that failed and were, or will be, tried again
  failed: number;
}

export const retried = (step: Step): number => Math.max(0, step.failed_attempts - step.failed);

export function sum(steps: Step[]): Totals {
  const totals = { events: 0, delivered: 0, retried: 0, failed: 0 };
  for (const step of steps) {
    totals.events += step.events ?? 0;
    totals.delivered += step.delivered;
    totals.retried += retried(step);
    totals.failed += step.failed;
  }
  return totals;
}
