// What the operator does.
import { webhooksAt } from "./account";
import { data, exchange, page, query } from "./http";
import type { Account, AccountHealth, DescribedEventType, EventType, NodeLease, ServiceStats, Span, Step } from "./types";

const kBase = "operator/v1";
const kKnown = 200; // where what is new is answered 202
const of = (id: number): string => `${kBase}/accounts/${id}`;

export interface AccountSearch {
  page: number;
  per_page: number;
  search?: string;
  order?: "id" | "waiting";
}

export const operator = {
  check: (key: string) => exchange("GET", `${kBase}/stats`, undefined, { key }),
  stats: () => data<ServiceStats>("GET", `${kBase}/stats`),
  history: (span: Span) => data<Step[]>("GET", `${kBase}/stats/history${query({ ...span })}`),
  accounts: (asked: AccountSearch) => page<Account>(`${kBase}/accounts`, { ...asked }),
  health: (asked: AccountSearch, span: Span) => page<AccountHealth>(`${kBase}/accounts/health`, { ...asked, ...span }),
  account: (id: number) => data<Account>("GET", of(id)),
  webhooksOf: (id: number) => webhooksAt(of(id)),
  create: (fields: Partial<Account>) => data<Account>("POST", `${kBase}/accounts`, fields),
  update: (id: number, fields: Partial<Account>) => data<Account>("PUT", of(id), fields),
  remove: (id: number) => data<void>("DELETE", of(id)),
  regenerate: (id: number) => data<{ api_key: string }>("POST", `${of(id)}/regenerate-key`),
  events: () => data<EventType[]>("GET", `${kBase}/event-types`),
  catalogue: () => data<DescribedEventType[]>("GET", `${kBase}/event-types?include=schema`),
  // `body` is sent as it is written, so that a number keeps every digit. `again`: its idempotency key was known, and nothing was sent.
  publish: async (id: number, body: string) => {
    const { status, data: receipt } = await exchange("POST", `${of(id)}/events`, body);
    return { ...(receipt as { id: string; deliveries: number }), again: status === kKnown };
  },
  nodes: () => data<NodeLease[]>("GET", `${kBase}/nodes`),
};
