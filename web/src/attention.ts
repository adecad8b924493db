// Which webhooks and accounts need somebody's attention, and why: pure, so that every list says the same.
import type { AccountHealth, Webhook, WebhookHealth } from "./api/types";
import { serverNow } from "./clock";
import { fullTime, percent, plural, span } from "./format";
import type { Range } from "./range";
import { shortReason } from "./reasons";
import { sum, type Totals } from "./steps";

export interface Attention {
  tone: "bad" | "warn";
  title: string;
  reason: string;
  filter: Record<string, string>; // of the deliveries that show the cause
  rank: number; // the highest first
}

const kOldMs = 10 * 60_000;
const kPoorShare = 0.95;
const kFineShare = 0.99; // single failures among many deliveries need nobody

export const deliveries = (n: number): string => plural(n, "delivery", "deliveries");

// `range`: the span of the health's steps.
export function attention(webhook: Webhook, health: WebhookHealth, range: Range, now = serverNow()): Attention | null {
  const totals = sum(health.steps);
  const last = health.last_delivery;
  const failures = { status: "failed", within: range };
  if (!webhook.is_active) {
    const off = webhook.options?.switched_off;
    if (!off) return null;
    const why = off.reason === "gone" ? { title: "Switched off by the receiver", reason: "It answered 410 Gone, so nothing is sent any more." }
      : { title: "Switched off", reason: `Nothing but failures since ${fullTime(off.failing_since ?? off.at)}, so nothing is sent any more.` };
    return { tone: "bad", ...why, filter: { status: "failed" }, rank: 5 };
  }
  const why = last && last.status !== "delivered" && last.attempt_number > 0 ? ` Last: ${shortReason(last.error, last.response_status_code)}.` : "";
  const judged = judge(totals, last?.status === "delivered");
  if (judged) return { ...judged, reason: judged.reason + why, filter: failures };
  const age = health.oldest_waiting_at ? now - Date.parse(health.oldest_waiting_at) : 0;
  if (health.pending === 0 || (totals.retried === 0 && age <= kOldMs)) return null;
  return {
    tone: "warn", title: "Deliveries wait for another attempt", filter: { status: "pending" }, rank: 2,
    reason: `${deliveries(health.pending)} waiting${age > 60_000 ? `, the oldest for ${span(age)}` : ""}.${why}`,
  };
}

// What the failures of a span say. `recovered`: the latest delivery arrived.
function judge({ delivered, failed }: Totals, recovered: boolean): Omit<Attention, "filter"> | null {
  if (failed === 0) return null;
  if (delivered === 0) return { tone: "bad", title: "Nothing gets through", reason: `${deliveries(failed)} failed, none arrived.`, rank: 4 };
  const share = delivered / (delivered + failed);
  if (share >= kFineShare && recovered) return null;
  const reason = `${deliveries(failed)} failed, ${percent(delivered, delivered + failed)} arrived.`;
  return share < kPoorShare ? { tone: "bad", title: "Many deliveries fail", reason, rank: 3 } : { tone: "warn", title: "Some deliveries failed", reason, rank: 1 };
}

// The same of an account, as far as its sums tell.
export function accountAttention(health: AccountHealth): { tone: "bad" | "warn"; reason: string } | null {
  if (!health.is_active) return null;
  const totals = sum(health.steps);
  const judged = judge(totals, true);
  if (judged) return judged;
  return health.pending > 0 && totals.retried > 0 ? { tone: "warn", reason: `${deliveries(health.pending)} waiting for another attempt.` } : null;
}
