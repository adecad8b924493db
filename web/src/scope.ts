// Whose webhooks a screen is about: those of the account that is signed in, or of one that the operator looks at.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { account, type WebhookApi } from "./api/account";
import { operator } from "./api/operator";
import type { DeliverySettings, EventType } from "./api/types";
import { href, type Params } from "./router";

export interface Scope {
  api: WebhookApi;
  cache: string; // put before the keys of what is remembered (query.ts)
  at: (path: string, params?: Params) => string; // the address of a screen about this account
  asOperator: boolean; // who looks may see and retry, and not change
  events: () => Promise<EventType[]>;
  settings: () => Promise<DeliverySettings>;
}

const kOwn: Scope = {
  api: account,
  cache: "",
  at: href,
  asOperator: false,
  events: account.events,
  settings: async () => (await account.me()).settings,
};

export const scopeOf = (id: number): Scope => ({
  api: operator.webhooksOf(id),
  cache: `account ${id} `,
  at: (path, params) => href(`accounts/${id}${path ? `/${path}` : ""}`, params),
  asOperator: true,
  events: operator.events,
  settings: async () => (await operator.stats()).settings,
});

export const ScopeContext = createContext<Scope>(kOwn);
export const useScope = (): Scope => useContext(ScopeContext);
