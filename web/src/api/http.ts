// The one way to the server: the public API, with the same routes, answers and limits as everybody else's.
import { noteServerTime } from "../clock";
import { span } from "../format";
import { readJson, writeJson } from "../json";
import { session, signOut } from "../session";
import { observable } from "../store";
import type { Meta, Page } from "./types";

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
// The server could not be reached at all. Who reads asks again once it can.
export class Unreachable extends Error {}
// The server took the request and said nothing.
export class TimedOut extends Error {}

// Whether the last exchange reached the server; views reload when it comes back.
export const reachable = observable(true);

// Where the page lives, whatever prefix a proxy put before it.
const kBase = new URL(".", document.baseURI);
const kAnswerLimit = 30_000;
// A test waits for its receiver, which has five minutes at most; making or counting many deliveries takes its time as well.
export const kLongAnswerLimit = 6 * 60_000;
const kProbeInterval = 1500;
const kProbeLimit = 5000;
const kGateway = [502, 503, 504];
// Of a change whose answer did not come.
const kMayBeDone = " It may do all the same what it was asked to: look before you ask again.";
const kItemsAPage = 100; // the most that the API gives at once
let probing = false;

export const endpoint = (path: string): string => new URL(path, kBase).href;

// What `ask` brings; its signal is aborted with a TimedOut once `limitMs` are over.
async function within<T>(limitMs: number, ask: (limit: AbortSignal) => Promise<T>, advice = ""): Promise<T> {
  const limit = new AbortController();
  const timer = window.setTimeout(() => limit.abort(new TimedOut(`The server has not answered within ${span(limitMs)}.${advice}`)), limitMs);
  try {
    return await ask(limit.signal);
  } finally {
    window.clearTimeout(timer);
  }
}

export function lost(): void {
  reachable.set(false);
  if (probing) return;
  probing = true;
  const probe = async (): Promise<void> => {
    try {
      const answer = await within(kProbeLimit, (signal) => fetch(endpoint("healthz"), { cache: "no-store", credentials: "omit", signal }));
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

function away(advice = ""): Unreachable {
  lost();
  return new Unreachable(`The server cannot be reached.${advice}`);
}

export function authorised(key?: string): HeadersInit {
  const token = key ?? session.get()?.key ?? "";
  return { Authorization: `Bearer ${token}`, Accept: "application/json" };
}

interface Envelope {
  status: number;
  data?: unknown;
  message?: string;
  meta?: Meta;
  errors?: Record<string, string[]>;
  retry_after?: number;
}

export interface Asking {
  key?: string; // another one than the session's
  limitMs?: number; // kAnswerLimit where absent
  changes?: boolean; // something on the server: where absent, what is not a GET does
}

// One request and its answer. `body`: an object, or JSON that is sent as it is written.
export async function exchange(method: string, path: string, body?: unknown, { key, limitMs = kAnswerLimit, changes = method !== "GET" }: Asking = {}): Promise<Envelope> {
  const asked = session.get();
  const askedAt = Date.now();
  const headers = new Headers(authorised(key));
  const init: RequestInit = { method, headers, cache: "no-store", credentials: "omit" };
  if (body !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = typeof body === "string" ? body : writeJson(body);
  }
  const advice = changes ? kMayBeDone : "";
  const [answer, text] = await within(limitMs, async (signal) => {
    try {
      const answer = await fetch(endpoint(path), { ...init, signal });
      return [answer, await answer.text()] as const;
    } catch {
      throw signal.reason ?? away(advice);
    }
  }, advice);
  noteServerTime(answer.headers.get("Date"), askedAt);
  let parsed: Envelope = { status: answer.status };
  try {
    if (text) parsed = { ...(readJson(text) as Envelope), status: answer.status };
  } catch {
    // A proxy's own words for a server that it cannot reach.
    if (kGateway.includes(answer.status)) throw away(advice);
    throw new ApiError(answer.status, "The server's answer could not be read. Is there a proxy in between that answers by itself?");
  }
  reachable.set(true);
  if (answer.ok) return parsed;
  // Not where somebody else has signed in since.
  if (answer.status === 401 && key === undefined && asked && asked === session.get()) signOut("Your key is no longer accepted. Sign in again.");
  const retry = parsed.retry_after ?? Number(answer.headers.get("Retry-After") ?? NaN);
  throw new ApiError(answer.status, parsed.message ?? `The server answered ${answer.status}.`, parsed.errors ?? {}, Number.isFinite(retry) ? retry : null);
}

export async function data<T>(method: string, path: string, body?: unknown, asking?: Asking): Promise<T> {
  return (await exchange(method, path, body, asking)).data as T;
}

type Parameters = Record<string, string | number | null | undefined>;
export function query(parameters: Parameters): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : "";
}

export async function page<T>(path: string, parameters: Parameters): Promise<Page<T>> {
  const answer = await exchange("GET", path + query(parameters));
  return { data: answer.data as T[], meta: answer.meta ?? {} };
}

// All items of a list that comes in pages.
export async function everyPage<T>(path: string, parameters: Parameters): Promise<T[]> {
  const items: T[] = [];
  for (let number = 1; ; number += 1) {
    const { data: some, meta } = await page<T>(path, { ...parameters, page: number, per_page: kItemsAPage });
    items.push(...some);
    if (some.length === 0 || number >= (meta.last_page ?? 1)) return items;
  }
}
