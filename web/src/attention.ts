// Which webhooks need somebody's attention, and why: pure, so that every list says the same.
import type { Step, Webhook, WebhookHealth } from "./api";
import { percent, plural, span } from "./format";
import { shortReason } from "./reasons";

export interface Totals {
  delivered: number;
  failedAttempts: number;
  failed: number;
}
export function sum(steps: Step[]): Totals {
  const totals = { delivered: 0, failedAttempts: 0, failed: 0 };
  for (const step of steps) {
    totals.delivered += step.delivered;
    totals.failedAttempts += step.failed_attempts;
    totals.failed += step.failed;
  }
  return totals;
}

export interface Attention {
  tone: "bad" | "warn";
  title: string;
  reason: string;
  filter: Record<string, string>; // of the deliveries that show the cause
  rank: number;
}

const kOldMs = 10 * 60_000;
const kPoorShare = 0.95;
const kFineShare = 0.99; // single failures among many deliveries need nobody

export function attention(webhook: Webhook, health: WebhookHealth, now = Date.now()): Attention | null {
  const { delivered, failedAttempts, failed } = sum(health.steps);
  const last = health.last_delivery;
  const why = last && last.status !== "delivered" ? shortReason(last.error, last.response_status_code) : "";
  const lastWords = why ? ` Last: ${why}.` : "";
  if (!webhook.is_active) {
    if (last?.response_status_code === 410) return { tone: "bad", title: "Switched off by the receiver", reason: "It answered 410 Gone, so nothing is sent any more.", filter: { status: "failed" }, rank: 5 };
    return null;
  }
  if (failed > 0 && delivered === 0) return { tone: "bad", title: "Nothing gets through", reason: `${plural(failed, "delivery", "deliveries")} failed, none arrived.${lastWords}`, filter: { status: "failed" }, rank: 4 };
  if (failed > 0) {
    const share = delivered / (delivered + failed);
    if (share >= kFineShare && last?.status === "delivered") return waiting(health, failedAttempts, lastWords, now);
    const tone = share < kPoorShare ? "bad" : "warn";
    return { tone, title: tone === "bad" ? "Many deliveries fail" : "Some deliveries failed", reason: `${plural(failed, "delivery", "deliveries")} failed, ${percent(delivered, delivered + failed)} arrived.${lastWords}`, filter: { status: "failed" }, rank: tone === "bad" ? 3 : 1 };
  }
  return waiting(health, failedAttempts, lastWords, now);
}

function waiting(health: WebhookHealth, failedAttempts: number, lastWords: string, now: number): Attention | null {
  const age = health.oldest_waiting_at ? now - Date.parse(health.oldest_waiting_at) : 0;
  if (health.pending === 0 || (failedAttempts === 0 && age <= kOldMs)) return null;
  return {
    tone: "warn", title: "Deliveries wait for another attempt", filter: { status: "pending" }, rank: 2,
    reason: `${plural(health.pending, "delivery", "deliveries")} waiting${age > 60_000 ? `, the oldest for ${span(age)}` : ""}.${lastWords}`,
  };
}
