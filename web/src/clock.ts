// The server's time, which all spans, ages and leases are told in: a browser whose clock is wrong shows them right all the same.
import { observable } from "./store";

const kTolerance = 5_000; // of this much nobody notices, and the server's word is in whole seconds

// Milliseconds that the server is ahead of this browser.
export const ahead = observable(0);

// `date`: of an answer that came this moment, as its head has it. `asked`: when it was asked for, by this browser. It was written at some
// moment in between: of what took long nothing follows for the clocks.
export function noteServerTime(date: string | null, asked: number): void {
  const at = Date.parse(date ?? "");
  const now = Date.now();
  const known = ahead.get();
  if (Number.isNaN(at) || (at >= asked + known - kTolerance && at <= now + known + kTolerance)) return;
  const difference = at > now ? at - now : Math.min(0, at - asked);
  ahead.set(Math.abs(difference) <= kTolerance ? 0 : difference);
}

export const serverNow = (): number => Date.now() + ahead.get();
