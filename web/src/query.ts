// Reading with a memory: what was read before is shown at once while it is read again, so that nothing jumps.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, reachable, TimedOut, Unreachable } from "./api/http";
import { ahead } from "./clock";
import { session } from "./session";
import { observable } from "./store";

const kRemembered = 200;
const kRetryMs = 15_000; // where the server does not say when to ask again
const memory = new Map<string, unknown>();
session.subscribe(() => memory.clear());

function remember(key: string, value: unknown): void {
  memory.delete(key);
  memory.set(key, value);
  if (memory.size > kRemembered) memory.delete(memory.keys().next().value as string);
}

// To be called when something was changed that views have read. What is on the screen is read again a moment later, so that a view
// which is being left does not ask once more for what is gone.
const changes = observable(0);
export function invalidate(): void {
  memory.clear();
  window.setTimeout(() => changes.set(changes.get() + 1));
}

ahead.subscribe(invalidate); // spans of time were asked for by a wrong clock

// What is on the screen and could not be read again: the latest reason, by who reads it.
const failing = new Map<object, Error>();
export const outdated = observable<Error | undefined>(undefined);
export function setOutdated(reader: object, error: Error | undefined): void {
  failing.delete(reader);
  if (error) failing.set(reader, error);
  outdated.set([...failing.values()].pop());
}

export interface Query<T> {
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  reload: () => Promise<T | undefined>; // what it brings; undefined where it fails, or is not wanted any more
}

// Where another try may bring more, though nothing has changed.
export const mayPass = (error: Error): boolean =>
  error instanceof TimedOut || (error instanceof ApiError && (error.status === 429 || error.status >= 500));
export const retryMs = (error: Error): number => (error instanceof ApiError ? 1000 * (error.retryAfterSeconds ?? 0) : 0) || kRetryMs;

// `key` null: nothing is read yet. `read` is told by its signal once nobody wants what it brings. `refreshMs`: read again that often while
// the page is visible and the last reading is over.
export function useQuery<T>(key: string | null, read: (signal: AbortSignal) => Promise<T>, refreshMs = 0): Query<T> {
  const [, redraw] = useState(0);
  const state = useRef<{ key: string | null; data: T | undefined; error: Error | undefined; loading: boolean }>({
    key: null, data: undefined, error: undefined, loading: false,
  });
  const reader = useRef(read);
  reader.current = read;
  const turn = useRef(0);
  const reading = useRef<AbortController | null>(null); // under way
  if (state.current.key !== key) {
    state.current = { key, data: key === null ? undefined : (memory.get(key) as T | undefined), error: undefined, loading: key !== null };
  }

  const load = useCallback(async (): Promise<T | undefined> => {
    if (key === null) return undefined;
    const mine = ++turn.current;
    const asked = session.get();
    reading.current?.abort();
    reading.current = new AbortController();
    return reader.current(reading.current.signal).then(
      (data) => {
        if (session.get() !== asked) return undefined; // what one session read is not another's
        remember(key, data);
        if (mine !== turn.current || state.current.key !== key) return undefined;
        reading.current = null;
        state.current = { key, data, error: undefined, loading: false };
        setOutdated(turn, undefined);
        redraw((n) => n + 1);
        return data;
      },
      (error: Error) => {
        if (mine !== turn.current || state.current.key !== key) return undefined;
        reading.current = null;
        const isGone = error instanceof ApiError && error.status === 404;
        if (isGone) memory.delete(key);
        const data = isGone ? undefined : state.current.data;
        state.current = { key, data, error, loading: false };
        if (!(error instanceof Unreachable)) {
          setOutdated(turn, data === undefined ? undefined : error);
          if (data !== undefined || mayPass(error)) window.setTimeout(() => mine === turn.current && void load(), retryMs(error));
        }
        redraw((n) => n + 1);
        return undefined;
      },
    );
  }, [key]);
  // Asked for by somebody, who sees at once that it is under way.
  const reload = useCallback(() => {
    if (state.current.data === undefined) state.current = { ...state.current, error: undefined, loading: true };
    redraw((n) => n + 1);
    return load();
  }, [load]);

  useEffect(() => {
    void load();
    const offReachable = reachable.subscribe(() => void (reachable.get() && load()));
    const offChanges = changes.subscribe(() => void load());
    return () => {
      turn.current += 1;
      reading.current?.abort();
      setOutdated(turn, undefined);
      offReachable();
      offChanges();
    };
  }, [load]);
  useEffect(() => {
    if (!refreshMs) return undefined;
    const refresh = (): void => void (document.visibilityState === "visible" && reachable.get() && !reading.current && load());
    const timer = window.setInterval(refresh, refreshMs);
    return () => window.clearInterval(timer);
  }, [load, refreshMs]);

  const { data, error, loading } = state.current;
  return { data, error, loading, reload };
}
