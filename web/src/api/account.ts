// What an account does with its webhooks; and, at another base, what the operator sees of one and does for it.
import { data, everyPage, exchange, kLongAnswerLimit, page, query } from "./http";
import type { DeliveryDetail, DeliveryQuery, DescribedEventType, Entry, EventType, OwnAccount, Span, Step, Webhook, WebhookHealth } from "./types";

// Larger than every id: the walk begins at the newest entry and never counts.
export const kFromNewest = Number.MAX_SAFE_INTEGER;
const kLong = { limitMs: kLongAnswerLimit };
const kCounting = { ...kLong, changes: false };

// Every route that the operator has for each account as well.
export function webhooksAt(base: string) {
  const of = (id: number): string => `${base}/webhooks/${id}`;
  const delivery = (id: number, uuid: string): string => `${of(id)}/deliveries/${encodeURIComponent(uuid)}`;
  return {
    webhooks: () => data<Webhook[]>("GET", `${base}/webhooks?include=options`),
    webhook: (id: number) => data<Webhook>("GET", `${of(id)}?include=options`),
    health: (span: Span) => everyPage<WebhookHealth>(`${base}/webhooks/health`, { ...span }),
    stats: (span: Span) => data<Step[]>("GET", `${base}/stats${query({ ...span })}`),
    webhookStats: (id: number, span: Span) => data<Step[]>("GET", `${of(id)}/stats${query({ ...span })}`),
    deliveries: (id: number, filter: DeliveryQuery) => page<Entry>(`${of(id)}/deliveries`, { ...filter }),
    delivery: (id: number, uuid: string) => data<DeliveryDetail>("GET", delivery(id, uuid)),
    retry: (id: number, uuid: string) => data<Entry>("POST", `${delivery(id, uuid)}/retry`),
    countFailed: async (id: number, since: string, until: string | null) =>
      (await data<{ would_recover: number }>("POST", `${of(id)}/recover`, { since, until, dry_run: true }, kCounting)).would_recover,
    recover: async (id: number, since: string, until: string | null) =>
      (await data<{ recovered: number }>("POST", `${of(id)}/recover`, { since, until }, kLong)).recovered,
    countReplay: async (id: number, since: string, until: string | null, signal: AbortSignal) => {
      let found = 0;
      for (let after: number | null = 0; after !== null;) {
        signal.throwIfAborted();
        const step: { would_replay: number; next_after_id: number | null } =
          await data("POST", `${of(id)}/replay`, { since, until, after_id: after, dry_run: true }, kCounting);
        found += step.would_replay;
        after = step.next_after_id;
      }
      return found;
    },
    replay: (id: number, part: { since: string; until: string | null; after_id: number }) =>
      data<{ replayed: number; next_after_id: number | null }>("POST", `${of(id)}/replay`, part, kLong),
    streamOf: (id: number) => `${of(id)}/deliveries/stream`,
  };
}
export type WebhookApi = ReturnType<typeof webhooksAt>;

// The fields that create and edit send.
export type WebhookFields = Pick<Webhook, "name" | "url" | "events" | "is_active"> & { options?: Record<string, unknown> };

const kBase = "api/v1";
export const account = {
  ...webhooksAt(kBase),
  check: (key: string) => exchange("GET", `${kBase}/account`, undefined, { key }),
  me: () => data<OwnAccount>("GET", `${kBase}/account`),
  events: () => data<EventType[]>("GET", `${kBase}/webhooks/events`),
  catalogue: () => data<DescribedEventType[]>("GET", `${kBase}/webhooks/events?include=schema`),
  create: (fields: Partial<WebhookFields>) => data<Webhook>("POST", `${kBase}/webhooks`, fields),
  update: (id: number, fields: Partial<WebhookFields>) => data<Webhook>("PUT", `${kBase}/webhooks/${id}`, fields),
  remove: (id: number) => data<void>("DELETE", `${kBase}/webhooks/${id}`),
  test: (id: number) => data<Entry>("POST", `${kBase}/webhooks/${id}/test`, undefined, kLong),
  regenerate: (id: number, gracePeriod: string) =>
    data<{ secret: string }>("POST", `${kBase}/webhooks/${id}/regenerate-secret`, { grace_period: gracePeriod }),
};
