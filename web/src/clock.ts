// The server's time, which all spans, ages and leases are told in: a browser whose clock is wrong shows them right all the same.
import { observable } from "./store";

const kTolerance = 5_000; // of this much nobody notices, and the server's word is in whole seconds

// Milliseconds that the server is ahead of this browser.
export const ahead = observable(0);

// `date`: of an answer that came this moment, as its head has it.
export function noteServerTime(date: string | null): void {
  const difference = Date.parse(date ?? "") - Date.now();
  if (Number.isNaN(difference)) return;
  const known = ahead.get();
  if (Math.abs(difference - known) <= kTolerance) return;
  ahead.set(Math.abs(difference) <= kTolerance ? 0 : difference);
}

export const serverNow = (): number => Date.now() + ahead.get();
