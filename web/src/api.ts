// The client of the public API: the same routes, answers and limits as everybody else's.
import { session, signOut } from "./session";
import { observable } from "./store";

export interface Webhook {
  id: number;
  name: string;
  url: string;
  events: string[];
  is_active: boolean;
  created_at?: string;
  updated_at?: string;
  delivery_logs_count?: number;
  secret?: string;
}
export type Status = "pending" | "delivered" | "failed";
export interface Entry {
  id: number;
  event_type: string;
  delivery_id: string;
  attempt_number: number;
  response_status_code: number | null;
  status: Status;
  delivered_at: string | null;
  created_at: string;
}
export interface Attempt {
  number: number;
  started_at: string;
  duration_ms: number;
  response_status_code: number | null;
  error: string | null;
  error_detail?: string | null;
  response_headers: Record<string, string> | [string, string][] | null;
  response_body: string | null;
  response_truncated: boolean;
}
export interface DeliveryDetail extends Entry {
  event_id: string;
  next_attempt_at: string | null;
  error?: string | null;
  payload: string;
  attempts: Attempt[];
}
export interface Step {
  start: string;
  delivered: number;
  failed_attempts: number;
  failed: number;
  duration_p50_ms: number | null;
  duration_p95_ms: number | null;
}
export interface EventType {
  event: string;
  description: string;
}
export interface WebhookHealth {
  id: number;
  pending: number;
  delivered: number;
  failed: number;
  oldest_waiting_at: string | null;
  last_delivery: (Entry & { error?: string | null }) | null;
  steps: Step[];
}
export interface DeliverySettings {
  header_prefix: string;
  retry_schedule_s: number[];
  timeout_ms: number;
}
export interface Me {
  id: number;
  name: string;
  settings: DeliverySettings;
}
export interface Account {
  id: number;
  name: string;
  is_active: boolean;
  allowed_origins: string[];
  created_at: string;
  api_key?: string;
}
export interface AccountHealth {
  id: number;
  webhooks: number;
  active_webhooks: number;
  pending: number;
  delivered: number;
  failed: number;
}
export interface Meta {
  current_page?: number;
  last_page?: number;
  per_page?: number;
  total?: number;
  next_before_id?: number | null;
}
export interface Page<T> {
  data: T[];
  meta: Meta;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors: Record<string, string[]> = {},
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }
}
// The server could not be reached at all.
export class Unreachable extends Error {}

// Whether the last exchange reached the server; views reload when it comes back.
export const reachable = observable(true);

// Where the page lives, whatever prefix a proxy put before it.
const kBase = new URL(".", document.baseURI);
const kProbeInterval = 1500;
let probing = false;

export const endpoint = (path: string): string => new URL(path, kBase).href;

function lost(): void {
  reachable.set(false);
  if (probing) return;
  probing = true;
  const probe = async (): Promise<void> => {
    try {
      const answer = await fetch(endpoint("healthz"), { cache: "no-store", credentials: "omit" });
      if (answer.ok) {
        probing = false;
        reachable.set(true);
        return;
      }
    } catch {
      // Still away.
    }
    window.setTimeout(() => void probe(), kProbeInterval);
  };
  window.setTimeout(() => void probe(), kProbeInterval);
}

interface Envelope {
  data: unknown;
  message: string;
  meta?: Meta;
}

export function authorised(key?: string): HeadersInit {
  const token = key ?? session.get()?.key ?? "";
  return { Authorization: `Bearer ${token}`, Accept: "application/json" };
}

async function exchange(method: string, path: string, body?: unknown, key?: string, signal?: AbortSignal): Promise<Envelope> {
  const headers = new Headers(authorised(key));
  const init: RequestInit = { method, headers, cache: "no-store", credentials: "omit" };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(endpoint(path), init);
    text = await answer.text();
  } catch (problem) {
    if (signal?.aborted) throw problem;
    lost();
    throw new Unreachable("The server cannot be reached.");
  }
  reachable.set(true);
  let parsed: { data?: unknown; message?: string; meta?: Meta; errors?: Record<string, string[]>; retry_after?: number } = {};
  try {
    parsed = text ? JSON.parse(text) : {};
  } catch {
    throw new ApiError(answer.status, "The server's answer could not be read. Is there a proxy in between that answers by itself?");
  }
  if (!answer.ok) {
    const retry = parsed.retry_after ?? Number(answer.headers.get("Retry-After") ?? NaN);
    const error = new ApiError(
      answer.status,
      parsed.message ?? `The server answered ${answer.status}.`,
      parsed.errors ?? {},
      Number.isFinite(retry) ? retry : null,
    );
    if (answer.status === 401 && key === undefined && session.get()) signOut("Your key is no longer accepted. Sign in again.");
    throw error;
  }
  return { data: parsed.data, message: parsed.message ?? "", ...(parsed.meta ? { meta: parsed.meta } : {}) };
}

async function data<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  return (await exchange(method, path, body, undefined, signal)).data as T;
}
async function page<T>(path: string, signal?: AbortSignal): Promise<Page<T>> {
  const answer = await exchange("GET", path, undefined, undefined, signal);
  return { data: answer.data as T[], meta: answer.meta ?? {} };
}

function query(parameters: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : "";
}

export interface Span {
  from: string;
  to: string;
  step: number; // seconds, a multiple of 60
}
export interface DeliveryQuery {
  status?: string | null;
  event?: string | null;
  from?: string | null;
  until?: string | null;
  before_id?: number;
  per_page?: number;
}
// Larger than every id: the walk begins at the newest entry and never counts.
export const kFromNewest = Number.MAX_SAFE_INTEGER;

export const account = {
  check: (key: string) => exchange("GET", "api/v1/account", undefined, key),
  me: () => data<Me>("GET", "api/v1/account"),
  webhooks: () => data<Webhook[]>("GET", "api/v1/webhooks"),
  webhook: (id: number) => data<Webhook>("GET", `api/v1/webhooks/${id}`),
  health: (span: Span) => data<WebhookHealth[]>("GET", `api/v1/webhooks/health${query({ ...span })}`),
  events: () => data<EventType[]>("GET", "api/v1/webhooks/events"),
  create: (body: Partial<Webhook>) => data<Webhook>("POST", "api/v1/webhooks", body),
  update: (id: number, body: Partial<Webhook>) => data<Webhook>("PUT", `api/v1/webhooks/${id}`, body),
  remove: (id: number) => data<void>("DELETE", `api/v1/webhooks/${id}`),
  test: (id: number) => data<Entry>("POST", `api/v1/webhooks/${id}/test`),
  regenerate: (id: number) => data<{ secret: string }>("POST", `api/v1/webhooks/${id}/regenerate-secret`),
  stats: (span: Span) => data<Step[]>("GET", `api/v1/stats${query({ ...span })}`),
  webhookStats: (id: number, span: Span) => data<Step[]>("GET", `api/v1/webhooks/${id}/stats${query({ ...span })}`),
  deliveries: (id: number, filter: DeliveryQuery) => page<Entry>(`api/v1/webhooks/${id}/deliveries${query({ ...filter })}`),
  delivery: (id: number, uuid: string) =>
    data<DeliveryDetail>("GET", `api/v1/webhooks/${id}/deliveries/${encodeURIComponent(uuid)}`),
  retry: (id: number, uuid: string) =>
    data<Entry>("POST", `api/v1/webhooks/${id}/deliveries/${encodeURIComponent(uuid)}/retry`),
  recover: (id: number, since: string, until: string | null, dryRun: boolean) =>
    data<{ recovered?: number; would_recover?: number }>("POST", `api/v1/webhooks/${id}/recover`, {
      since,
      ...(until ? { until } : {}),
      ...(dryRun ? { dry_run: true } : {}),
    }),
};

export interface OperatorStats {
  queue_depth: number;
  oldest_waiting_at: string | null;
  in_flight: number;
}
export interface NodeInfo {
  id: number | string;
  name?: string;
  is_self?: boolean;
  started_at?: string;
  lease_until?: string;
  version?: string;
  waiting?: number;
}

export const operator = {
  check: (key: string) => exchange("GET", "operator/v1/stats", undefined, key),
  stats: () => data<OperatorStats>("GET", "operator/v1/stats"),
  history: (span: Span) => data<Step[]>("GET", `operator/v1/stats/history${query({ ...span })}`),
  accounts: (number = 1, perPage = 100) => page<Account>(`operator/v1/accounts${query({ page: number, per_page: perPage })}`),
  account: (id: number) => data<Account>("GET", `operator/v1/accounts/${id}`),
  health: (number: number, perPage: number) =>
    data<AccountHealth[]>("GET", `operator/v1/accounts/health${query({ page: number, per_page: perPage })}`),
  webhooks: (id: number) => data<Webhook[]>("GET", `operator/v1/accounts/${id}/webhooks`),
  webhooksHealth: (id: number, span: Span) =>
    data<WebhookHealth[]>("GET", `operator/v1/accounts/${id}/webhooks/health${query({ ...span })}`),
  accountStats: (id: number, span: Span) => data<Step[]>("GET", `operator/v1/accounts/${id}/stats${query({ ...span })}`),
  create: (body: Partial<Account>) => data<Account>("POST", "operator/v1/accounts", body),
  update: (id: number, body: Partial<Account>) => data<Account>("PUT", `operator/v1/accounts/${id}`, body),
  remove: (id: number) => data<void>("DELETE", `operator/v1/accounts/${id}`),
  regenerate: (id: number) => data<Account>("POST", `operator/v1/accounts/${id}/regenerate-key`),
  events: () => data<EventType[]>("GET", "operator/v1/event-types"),
  // `body` is sent as it is written, so that a number keeps every digit.
  publish: (id: number, body: string) => data<{ id: string; deliveries: number }>("POST", `operator/v1/accounts/${id}/events`, body),
  nodes: () => data<NodeInfo[]>("GET", "operator/v1/nodes"),
};

// The live stream of one webhook's log. EventSource cannot send a key, so the stream is read with fetch. Where the server has no such
// stream, `poll` is called instead, every few seconds.
export interface LiveHandlers {
  change: (entry: Entry) => void;
  reset: () => void; // changes were missed: read the page again
  poll: () => void;
  state: (state: "live" | "polling" | "connecting") => void;
}
const kPollInterval = 5000;
const kReconnectDelay = 1500;

export function watchDeliveries(webhookId: number, handlers: LiveHandlers): () => void {
  const stop = new AbortController();
  let lastId = "";
  let timer = 0;
  const pause = (ms: number): Promise<void> => new Promise((done) => (timer = window.setTimeout(done, ms)));

  const take = (block: string): void => {
    let kind = "message";
    let text = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("id:")) lastId = line.slice(3).trim();
      else if (line.startsWith("event:")) kind = line.slice(6).trim();
      else if (line.startsWith("data:")) text += line.slice(5).trim();
    }
    if (kind === "reset") handlers.reset();
    else if (text) handlers.change(JSON.parse(text) as Entry);
  };

  const read = async (): Promise<"again" | "absent"> => {
    const headers = new Headers(authorised());
    headers.set("Accept", "text/event-stream");
    if (lastId) headers.set("Last-Event-ID", lastId);
    const answer = await fetch(endpoint(`api/v1/webhooks/${webhookId}/deliveries/stream`), {
      headers, cache: "no-store", credentials: "omit", signal: stop.signal,
    });
    if (!answer.ok || !answer.body) return "absent";
    handlers.state("live");
    // Without a place to resume from, what changed since the page was read would be missed.
    if (!lastId) handlers.reset();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "again";
      buffer += value;
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        take(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
      }
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      let outcome: "again" | "absent" = "again";
      try {
        outcome = await read();
      } catch {
        if (stop.signal.aborted) return;
        lost();
      }
      if (stop.signal.aborted) return;
      if (outcome === "absent") {
        handlers.state("polling");
        await pause(kPollInterval);
        if (!stop.signal.aborted) handlers.poll();
      } else {
        handlers.state("connecting");
        await pause(kReconnectDelay);
      }
    }
  };
  void run();
  return () => {
    stop.abort();
    window.clearTimeout(timer);
  };
}
