// The log of one webhook, live: a page of it, what is loaded beyond, and what changes meanwhile.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { kFromNewest } from "../../api/account";
import { ApiError, reachable, Unreachable } from "../../api/http";
import { follow, type Live } from "../../api/live";
import type { Entry, Page } from "../../api/types";
import { mayPass, retryMs, setOutdated } from "../../query";
import { useScope } from "../../scope";
import { observable, type Observable } from "../../store";
import { words } from "../../ui/states";
import { toast } from "../../ui/toast";
import { passes, toQuery, type Filter } from "./filter";

const kPage = 50;
const kLongPage = 100; // the most that the API gives at once
const kWaiting = 500; // changes that wait to be shown; past it the page is read again
const kRowLimit = 500; // rows that changes may let the list grow to
const kFlushMs = 250;
const kRefreshMs = 2000; // at most one request for a refresh in this time
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
  changed: Observable<number>; // another number whenever something has changed, shown or not
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
  const now = useRef({ key, filter, log, turn: 0, shown: 0 }); // `shown`: the turn of the reading that is on the screen; none before it counts
  now.current.key = key;
  now.current.filter = filter;
  now.current.log = log;
  const waiting = useRef(new Map<number, Entry>());
  const missed = useRef(false); // more has changed than waits
  const [changed] = useState(() => observable(0));
  const underWay = useRef(0); // readings; what changes meanwhile may be newer than what they bring, and waits for them

  const read = async <T>(reading: () => Promise<T>): Promise<T> => {
    waiting.current.clear(); // what is read will have it
    missed.current = false;
    underWay.current += 1;
    try {
      return await reading();
    } finally {
      underWay.current -= 1;
    }
  };
  const before = (id: number, before_id: number, per_page: number): Promise<Page<Entry>> =>
    api.deliveries(id, { ...toQuery(now.current.filter), before_id, per_page });
  const newest = (id: number): Promise<Page<Entry>> => before(id, kFromNewest, kPage);
  // Everything that is older than `begin`, down to `last`.
  const stretch = async (id: number, begin: number, last: number): Promise<Entry[]> => {
    const entries: Entry[] = [];
    for (let from: number | null = begin; from !== null && from > last;) {
      const page: Page<Entry> = await before(id, from, kLongPage);
      entries.push(...page.data.filter((entry) => entry.id >= last));
      from = page.meta.next_before_id ?? null;
    }
    return entries;
  };

  const reload = useCallback(() => {
    if (webhookId === null) return;
    setLog((before) => (before.entries ? before : kNothing));
    const turn = ++now.current.turn;
    read(() => newest(webhookId)).then(
      (page) => {
        if (turn < now.current.shown) return;
        now.current.shown = turn;
        setLog(pageOf(page));
        setOutdated(waiting, undefined);
      },
      (error: Error) => {
        if (turn < now.current.shown) return;
        setLog((before) => ({ ...before, error }));
        if (mayPass(error)) window.setTimeout(() => turn === now.current.turn && reload(), retryMs(error));
      },
    );
  }, [webhookId]);

  useEffect(() => {
    setLog(kNothing);
    now.current.shown = now.current.turn + 1;
    reload();
  }, [key, reload]);

  // Reads again what is shown: from the newest entry on, or for somebody who has scrolled down, from the first one shown.
  const refreshAt = useRef(0); // not before
  const refreshTimer = useRef(0);
  const refresh = useCallback(() => {
    if (webhookId === null || refreshTimer.current) return;
    refreshTimer.current = window.setTimeout(() => {
      refreshTimer.current = 0;
      const shown = now.current.log.entries ?? [];
      const [first, last] = [shown[0]?.id, shown[shown.length - 1]?.id];
      const wait = (ms: number): void => void (refreshAt.current = Date.now() + ms);
      wait(kRefreshMs * (1 + Math.ceil(shown.length / kLongPage)));
      const turn = ++now.current.turn;
      read(async () => {
        const page = await newest(webhookId);
        const end = page.meta.next_before_id ?? null; // of what the page covers
        if (first === undefined || last === undefined) return () => pageOf(page);
        if (isReading()) {
          const again = await stretch(webhookId, first + 1, last);
          return (before: Log) => withAgain(before, again, last, page.data.some((entry) => entry.id > first));
        }
        // Where the page covers what is shown, or does not touch it, it takes its place.
        if (end === null || last >= end || first < end) return () => pageOf(page);
        const below = await stretch(webhookId, end, last);
        return (before: Log) => withAgain(before, [...page.data, ...below], last, false);
      }).then((change) => {
        if (turn < now.current.shown) return;
        now.current.shown = turn;
        setLog(change);
        setOutdated(waiting, undefined);
      }, (error: Error) => {
        missed.current = true;
        if (turn < now.current.shown) return;
        const isGone = error instanceof ApiError && error.status === 404;
        setLog((before) => ({ ...(isGone ? kNothing : before), error }));
        if (error instanceof Unreachable) return;
        if (shown.length && !isGone) setOutdated(waiting, error);
        wait(retryMs(error));
      });
    }, Math.max(0, refreshAt.current - Date.now()));
  }, [webhookId]);
  useEffect(() => () => {
    window.clearTimeout(refreshTimer.current);
    setOutdated(waiting, undefined);
  }, []);
  useEffect(() => reachable.subscribe(() => reachable.get() && (now.current.log.entries ? refresh() : reload())), [refresh, reload]);

  const flush = useCallback((force: boolean) => {
    if (underWay.current > 0) return;
    if (missed.current && reachable.get()) refresh();
    if (waiting.current.size === 0) return;
    setLog((before) => (before.entries ? withChanges(before, before.entries, waiting.current, now.current.filter, force) : before));
  }, [refresh]);

  useEffect(() => {
    if (webhookId === null) return;
    const note = (): void => changed.set(changed.get() + 1);
    const stop = follow(api.streamOf(webhookId), {
      change: (entry) => {
        note();
        if (waiting.current.size < kWaiting || waiting.current.has(entry.id)) waiting.current.set(entry.id, entry);
        else missed.current = true;
      },
      reset: () => { note(); refresh(); },
      poll: () => { note(); refresh(); },
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
    const [mine, from] = [key, log.more];
    try {
      const page = await before(webhookId, from, kPage);
      // Unless what is shown ends elsewhere by now.
      if (mine === now.current.key) {
        setLog((shown) => (shown.more !== from ? shown
          : { ...shown, entries: [...(shown.entries ?? []), ...page.data], more: page.meta.next_before_id ?? null, fresh: new Set() }));
      }
    } catch (error) {
      toast(words(error as Error));
    }
    setLoadingMore(false);
  };
  const release = (): void => {
    window.scrollTo({ top: 0 });
    if (log.held === kMany || underWay.current > 0) reload();
    else flush(true);
  };
  return { log, live, changed, loadMore, reload, release, loadingMore };
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

// What is shown, down to `last`, as it is now. `isMore`: there are newer ones, which wait above.
function withAgain(before: Log, again: Entry[], last: number, isMore: boolean): Log {
  const older = (before.entries ?? []).filter((entry) => entry.id < last);
  return { ...before, entries: [...again, ...older], held: isMore ? kMany : 0, fresh: new Set(), error: undefined };
}
