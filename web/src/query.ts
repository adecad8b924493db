// Reading with a memory: what was read before is shown at once while it is read again, so that nothing jumps.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, reachable } from "./api/http";
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
  reload: () => void;
}

// `key` null: nothing is read yet. `refreshMs`: read again that often while the page is visible.
export function useQuery<T>(key: string | null, read: () => Promise<T>, refreshMs = 0): Query<T> {
  const [, redraw] = useState(0);
  const state = useRef<{ key: string | null; data: T | undefined; error: Error | undefined; loading: boolean }>({
    key: null, data: undefined, error: undefined, loading: false,
  });
  const reader = useRef(read);
  reader.current = read;
  const turn = useRef(0);
  if (state.current.key !== key) {
    state.current = { key, data: key === null ? undefined : (memory.get(key) as T | undefined), error: undefined, loading: key !== null };
  }

  const load = useCallback(() => {
    if (key === null) return;
    const mine = ++turn.current;
    const reading = session.get();
    reader.current().then(
      (data) => {
        if (session.get() !== reading) return; // what one session read is not another's
        remember(key, data);
        if (mine !== turn.current || state.current.key !== key) return;
        state.current = { key, data, error: undefined, loading: false };
        setOutdated(turn, undefined);
        redraw((n) => n + 1);
      },
      (error: Error) => {
        if (mine !== turn.current || state.current.key !== key) return;
        const isGone = error instanceof ApiError && error.status === 404;
        if (isGone) memory.delete(key);
        const data = isGone ? undefined : state.current.data;
        state.current = { key, data, error, loading: false };
        if (error instanceof ApiError) {
          setOutdated(turn, data === undefined ? undefined : error);
          const passes = data !== undefined || error.status === 429 || error.status >= 500;
          if (passes) window.setTimeout(() => mine === turn.current && load(), (error.retryAfterSeconds ?? 0) * 1000 || kRetryMs);
        }
        redraw((n) => n + 1);
      },
    );
  }, [key]);

  useEffect(() => {
    load();
    const offReachable = reachable.subscribe(() => reachable.get() && load());
    const offChanges = changes.subscribe(load);
    const timer = refreshMs ? window.setInterval(() => document.visibilityState === "visible" && reachable.get() && load(), refreshMs) : 0;
    return () => {
      turn.current += 1;
      setOutdated(turn, undefined);
      offReachable();
      offChanges();
      window.clearInterval(timer);
    };
  }, [load, refreshMs]);

  const { data, error, loading } = state.current;
  return { data, error, loading, reload: load };
}
