// The log of one webhook, live: a page of it, what is loaded beyond, and what changes meanwhile.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { kFromNewest } from "../../api/account";
import { ApiError, reachable } from "../../api/http";
import { follow, type Live } from "../../api/live";
import type { Entry, Page } from "../../api/types";
import { useScope } from "../../scope";
import { words } from "../../ui/states";
import { toast } from "../../ui/toast";
import { passes, toQuery, type Filter } from "./filter";

const kPage = 50;
const kRowLimit = 500; // rows that changes may let the list grow to
const kFlushMs = 250;
const kRefreshMs = 2000; // at most one refresh in this time
const kTopPixels = 160; // scrolled further than this, somebody is reading

export interface Log {
  entries: Entry[] | undefined;
  more: number | null; // walk on before this id
  error: Error | undefined;
  held: number; // new entries that wait for the reader to come back to the top; kMany: uncounted
  fresh: Set<number>;
}
export const kMany = Number.POSITIVE_INFINITY;
const kNothing: Log = { entries: undefined, more: null, error: undefined, held: 0, fresh: new Set() };

export interface LiveLog {
  log: Log;
  live: Live;
  loadingMore: boolean;
  loadMore: () => Promise<void>;
  reload: () => void;
  release: () => void; // shows what was held
}

const isReading = (): boolean => window.scrollY > kTopPixels;
const pageOf = (page: Page<Entry>): Log => ({ ...kNothing, entries: page.data, more: page.meta.next_before_id ?? null, fresh: new Set() });

export function useLog(webhookId: number | null, filter: Filter): LiveLog {
  const { api } = useScope();
  const [log, setLog] = useState<Log>(kNothing);
  const [live, setLive] = useState<Live>("connecting");
  const [loadingMore, setLoadingMore] = useState(false);
  const key = JSON.stringify([webhookId, filter]);
  const now = useRef({ key, filter, log, turn: 0 });
  now.current.key = key;
  now.current.filter = filter;
  now.current.log = log;
  const waiting = useRef(new Map<number, Entry>());

  const newest = (id: number): Promise<Page<Entry>> => {
    waiting.current.clear(); // the page will have it; what comes from now on may be newer than the page
    return api.deliveries(id, { ...toQuery(now.current.filter), before_id: kFromNewest, per_page: kPage });
  };

  const reload = useCallback(() => {
    if (webhookId === null) return;
    const turn = ++now.current.turn;
    newest(webhookId).then(
      (page) => turn === now.current.turn && setLog(pageOf(page)),
      (error: Error) => {
        if (turn !== now.current.turn) return;
        setLog((before) => ({ ...before, error }));
        if (error instanceof ApiError && error.status === 429) window.setTimeout(() => turn === now.current.turn && reload(), (error.retryAfterSeconds ?? 5) * 1000);
      },
    );
  }, [webhookId]);

  useEffect(() => {
    setLog(kNothing);
    reload();
  }, [key, reload]);

  // Reads the newest page again without letting go of the older ones that are shown.
  const refreshed = useRef(0);
  const refreshTimer = useRef(0);
  const refresh = useCallback(() => {
    if (webhookId === null || refreshTimer.current) return;
    refreshTimer.current = window.setTimeout(() => {
      refreshTimer.current = 0;
      refreshed.current = Date.now();
      const turn = now.current.turn;
      newest(webhookId).then((page) => turn === now.current.turn && setLog((before) => withNewest(before, page)), () => undefined);
    }, Math.max(0, refreshed.current + kRefreshMs - Date.now()));
  }, [webhookId]);
  useEffect(() => () => window.clearTimeout(refreshTimer.current), []);
  useEffect(() => reachable.subscribe(() => reachable.get() && (now.current.log.entries ? refresh() : reload())), [refresh, reload]);

  const flush = useCallback((force: boolean) => {
    if (waiting.current.size === 0) return;
    setLog((before) => (before.entries ? withChanges(before, before.entries, waiting.current, now.current.filter, force) : before));
  }, []);

  useEffect(() => {
    if (webhookId === null) return;
    const stop = follow(api.streamOf(webhookId), {
      change: (entry) => {
        if (waiting.current.size < kRowLimit) waiting.current.set(entry.id, entry);
      },
      reset: refresh,
      poll: refresh,
      state: setLive,
    });
    const timer = window.setInterval(() => flush(false), kFlushMs);
    return () => {
      stop();
      window.clearInterval(timer);
      waiting.current.clear();
    };
  }, [webhookId, refresh, flush]);

  const loadMore = async (): Promise<void> => {
    if (webhookId === null || log.more === null) return;
    setLoadingMore(true);
    const mine = key;
    try {
      const page = await api.deliveries(webhookId, { ...toQuery(filter), before_id: log.more, per_page: kPage });
      if (mine === now.current.key) {
        setLog((before) => ({ ...before, entries: [...(before.entries ?? []), ...page.data], more: page.meta.next_before_id ?? null, fresh: new Set() }));
      }
    } catch (error) {
      toast(words(error as Error));
    }
    setLoadingMore(false);
  };
  const release = (): void => {
    window.scrollTo({ top: 0 });
    if (log.held === kMany) reload();
    else flush(true);
  };
  return { log, live, loadMore, reload, release, loadingMore };
}

// What changed put into what is shown. Takes out of `changes` what it has used up.
function withChanges(before: Log, shown: Entry[], changes: Map<number, Entry>, filter: Filter, force: boolean): Log {
  const known = new Map(shown.map((entry) => [entry.id, entry]));
  const added: Entry[] = [];
  for (const [id, entry] of changes) {
    if (known.has(id)) known.set(id, entry);
    else if (passes(entry, filter)) added.push(entry);
    if (known.has(id) || !passes(entry, filter)) changes.delete(id);
  }
  const entries = shown.map((entry) => known.get(entry.id) ?? entry);
  // Whoever has scrolled down is reading: new rows wait above instead of pushing the text away.
  if (added.length && !force && isReading()) return { ...before, entries, held: added.length };
  changes.clear();
  const oldest = shown[shown.length - 1]?.id ?? 0;
  const insert = added.filter((entry) => entry.id > oldest || before.more === null);
  const merged = [...insert, ...entries].sort((a, b) => b.id - a.id);
  const cut = merged.slice(0, Math.max(kRowLimit, shown.length));
  return {
    ...before, entries: cut, held: 0, fresh: new Set(insert.map((entry) => entry.id)),
    more: cut.length < merged.length ? (cut[cut.length - 1]?.id ?? null) : before.more,
  };
}

// The newest page joined with what is shown already, where they touch. Where they do not, the page takes its place at the top of the
// screen; whoever reads further down is told instead.
function withNewest(before: Log, page: Page<Entry>): Log {
  const shown = before.entries ?? [];
  const newest = page.data;
  const last = newest[newest.length - 1]?.id;
  const isNew = newest.some((entry) => entry.id > (shown[0]?.id ?? 0));
  if (isReading() && isNew) {
    const known = new Map(newest.map((entry) => [entry.id, entry]));
    return { ...before, entries: shown.map((entry) => known.get(entry.id) ?? entry), held: kMany, error: undefined };
  }
  const fresh = pageOf(page);
  const touches = fresh.more === null || shown.some((entry) => last !== undefined && entry.id >= last);
  if (!touches || last === undefined) return fresh;
  const older = shown.filter((entry) => entry.id < last);
  return { ...fresh, entries: [...newest, ...older], more: older.length ? before.more : fresh.more };
}
