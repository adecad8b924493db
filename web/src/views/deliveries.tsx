import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  account, ApiError, kFromNewest, reachable, watchDeliveries, type Attempt, type DeliveryDetail, type DeliveryQuery, type Entry, type Status, type Webhook,
} from "../api";
import { byteLength, bytes, count, duration, plural, pretty } from "../format";
import { invalidate, useQuery } from "../query";
import { attemptWords, nextWords, reason, shortReason } from "../reasons";
import { changeParams, href, useRoute } from "../router";
import { CheckIcon, ClockIcon, CrossIcon, DownIcon, ListIcon, RetryIcon, UpIcon } from "../ui/icons";
import {
  Bone, BoneRows, Button, Choice, Code, CopyButton, Countdown, Dialog, Empty, Failure, Foreign, NoMatch, Note, Segments, StatusBadge, Time, toast, words,
} from "../ui/parts";

const kPage = 50;
const kRowLimit = 500;
const kFlushMs = 250;
const kRefreshMs = 2000; // at most one refresh in this time
const kTopPixels = 160;
const kTestEvent = "webhook.test";

type Within = "" | "1h" | "24h" | "7d" | "custom";
const kWithinMs: Record<string, number> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000 };

// --- filters, as the address has them -------------------------------------------------------------------------------

interface Filter {
  status: Status | "";
  event: string;
  within: Within;
  from: string;
  until: string;
}

function readFilter(params: URLSearchParams): Filter {
  const status = params.get("status") ?? "";
  const from = validTime(params.get("from"));
  const until = validTime(params.get("until"));
  const within = params.get("within") ?? "";
  return {
    status: status === "pending" || status === "delivered" || status === "failed" ? status : "",
    event: params.get("event") ?? "",
    within: from || until || within === "custom" ? "custom" : within in kWithinMs ? (within as Within) : "",
    from, until,
  };
}
const validTime = (text: string | null): string => (text && Number.isFinite(Date.parse(text)) ? text : "");

function toQuery(filter: Filter): DeliveryQuery {
  const since = kWithinMs[filter.within];
  return {
    status: filter.status || null,
    event: filter.event || null,
    from: since ? new Date(Date.now() - since).toISOString() : filter.from || null,
    until: filter.until || null,
  };
}

function passes(entry: Entry, filter: Filter): boolean {
  if (filter.status && entry.status !== filter.status) return false;
  if (filter.event && entry.event_type !== filter.event) return false;
  const created = Date.parse(entry.created_at);
  if (filter.from && created < Date.parse(filter.from)) return false;
  return !(filter.until && created >= Date.parse(filter.until));
}

// --- the log, live --------------------------------------------------------------------------------------------------

type Live = "live" | "polling" | "connecting";
interface Log {
  entries: Entry[] | undefined;
  more: number | null; // walk on before this id
  error: Error | undefined;
  held: number; // new entries that wait for the reader to come back to the top; kMany: uncounted
  fresh: Set<number>;
}
const kMany = Number.POSITIVE_INFINITY;
const kNothing: Log = { entries: undefined, more: null, error: undefined, held: 0, fresh: new Set() };

function useLog(webhookId: number | null, filter: Filter): { log: Log; live: Live; loadMore: () => Promise<void>; reload: () => void; release: () => void; loadingMore: boolean } {
  const [log, setLog] = useState<Log>(kNothing);
  const [live, setLive] = useState<Live>("connecting");
  const [loadingMore, setLoadingMore] = useState(false);
  const key = JSON.stringify([webhookId, filter]);
  const now = useRef({ key, filter, log, turn: 0 });
  now.current.key = key;
  now.current.filter = filter;
  now.current.log = log;
  const waiting = useRef(new Map<number, Entry>());

  const reload = useCallback(() => {
    if (webhookId === null) return;
    const turn = ++now.current.turn;
    waiting.current.clear(); // the page will have it; what comes from now on may be newer than the page
    account.deliveries(webhookId, { ...toQuery(now.current.filter), before_id: kFromNewest, per_page: kPage }).then(
      (page) => {
        if (turn !== now.current.turn) return;
        setLog({ entries: page.data, more: page.meta.next_before_id ?? null, error: undefined, held: 0, fresh: new Set() });
      },
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
      waiting.current.clear();
      account.deliveries(webhookId, { ...toQuery(now.current.filter), before_id: kFromNewest, per_page: kPage }).then((page) => {
        if (turn !== now.current.turn) return;
        setLog((before) => withNewest(before, page.data, page.meta.next_before_id ?? null));
      }, () => undefined);
    }, Math.max(0, refreshed.current + kRefreshMs - Date.now()));
  }, [webhookId]);
  useEffect(() => () => window.clearTimeout(refreshTimer.current), []);
  useEffect(() => reachable.subscribe(() => reachable.get() && (now.current.log.entries ? refresh() : reload())), [refresh, reload]);

  const flush = useCallback((force: boolean) => {
    if (waiting.current.size === 0) return;
    const changes = waiting.current;
    setLog((before) => {
      if (!before.entries) return before;
      const known = new Map(before.entries.map((entry) => [entry.id, entry]));
      const added: Entry[] = [];
      for (const [id, entry] of changes) {
        const old = known.get(id);
        if (old) {
          known.set(id, { ...old, ...entry });
          changes.delete(id);
        } else if (passes(entry, now.current.filter)) {
          added.push(entry);
        } else {
          changes.delete(id);
        }
      }
      const entries = before.entries.map((entry) => known.get(entry.id) ?? entry);
      // Whoever has scrolled down is reading: new rows wait above instead of pushing the text away.
      if (added.length && !force && window.scrollY > kTopPixels) return { ...before, entries, held: added.length };
      changes.clear();
      const oldest = before.entries[before.entries.length - 1]?.id ?? 0;
      const insert = added.filter((entry) => entry.id > oldest || before.more === null).sort((a, b) => b.id - a.id);
      const merged = [...insert, ...entries].sort((a, b) => b.id - a.id);
      const cut = merged.slice(0, Math.max(kRowLimit, before.entries.length));
      return {
        ...before, entries: cut, held: 0, fresh: new Set(insert.map((entry) => entry.id)),
        more: cut.length < merged.length ? (cut[cut.length - 1]?.id ?? null) : before.more,
      };
    });
  }, []);

  useEffect(() => {
    if (webhookId === null) return;
    const stop = watchDeliveries(webhookId, {
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
      const page = await account.deliveries(webhookId, { ...toQuery(filter), before_id: log.more, per_page: kPage });
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

// The newest page joined with what is shown already, where they touch. Where they do not, the page takes its place at the top of the
// screen; whoever reads further down is told instead.
function withNewest(before: Log, newest: Entry[], more: number | null): Log {
  const shown = before.entries ?? [];
  const fresh: Log = { entries: newest, more, error: undefined, held: 0, fresh: new Set() };
  const last = newest[newest.length - 1]?.id;
  const touches = last === undefined || more === null || shown.some((entry) => entry.id >= last);
  const reading = window.scrollY > kTopPixels;
  const isNew = newest.some((entry) => entry.id > (shown[0]?.id ?? 0));
  if (reading && isNew) {
    const known = new Map(newest.map((entry) => [entry.id, entry]));
    return { ...before, entries: shown.map((entry) => known.get(entry.id) ?? entry), held: kMany, error: undefined };
  }
  if (!touches || last === undefined) return fresh;
  const older = shown.filter((entry) => entry.id < last);
  return { ...fresh, entries: [...newest, ...older], more: older.length ? before.more : more };
}

// --- the screen -----------------------------------------------------------------------------------------------------

export function Deliveries(): JSX.Element {
  const { params } = useRoute();
  const webhooks = useQuery("webhooks", account.webhooks);
  const asked = params.get("webhook");
  const id = asked !== null && Number.isInteger(Number(asked)) ? Number(asked) : (webhooks.data?.[0]?.id ?? null);
  const search = params.toString();
  const filter = useMemo(() => readFilter(params), [search]);
  const { log, live, loadMore, reload, release, loadingMore } = useLog(id, filter);
  const [recovering, setRecovering] = useState(false);
  const open = params.get("open");
  const filtered = Boolean(filter.status || filter.event || filter.within);
  const webhook = webhooks.data?.find((each) => each.id === id);
  const clear = (): void => changeParams({ status: null, event: null, within: null, from: null, until: null });
  const openRow = useCallback((uuid: string | null) => changeParams({ open: uuid, webhook: id }, { replace: open !== null }), [id, open]);

  if (webhooks.data?.length === 0) {
    return (
      <>
        <div class="head"><div class="titles"><h1>Deliveries</h1></div></div>
        <div class="card">
          <Empty title="No deliveries yet" icon={<ListIcon class="picture" />} actions={<a class="button primary" href={href("webhooks/new")}>New webhook</a>}>
            Deliveries appear here as soon as there is a webhook and an event for it.
          </Empty>
        </div>
      </>
    );
  }
  return (
    <>
      <div class="head">
        <div class="titles row wrap">
          <h1>Deliveries</h1>
          <LiveMark live={live} />
        </div>
        <div class="actions">
          {webhook && <a class="button plain" href={href(`webhooks/${webhook.id}`)}>Open webhook</a>}
          <Button disabled={id === null} onClick={() => setRecovering(true)}><RetryIcon />Recover failed…</Button>
        </div>
      </div>
      <div class="card">
        <Filters webhooks={webhooks.data} id={id} filter={filter} />
        <div class="pill-holder">{log.held > 0 && <Button kind="primary" small onClick={release}><UpIcon />{log.held === kMany ? "New deliveries" : plural(log.held, "new delivery", "new deliveries")}</Button>}</div>
        {log.error && !log.entries ? <Failure error={log.error} onRetry={reload} /> : log.entries?.length === 0 ? (
          filtered ? <NoMatch onClear={clear}>No delivery of {webhook ? <>“<Foreign>{webhook.name}</Foreign>”</> : "this webhook"} matches these filters.</NoMatch> : (
            <Empty title="Nothing delivered yet" icon={<ListIcon class="picture" />} actions={<a class="button" href={href(`webhooks/${id}`)}>Send a test</a>}>
              As soon as one of its events happens, its delivery appears here without reloading.
            </Empty>
          )
        ) : (
          <LogTable log={log} open={open} onOpen={openRow} />
        )}
        {log.entries && log.entries.length > 0 && (
          <div class="more">
            {log.more !== null ? <Button busy={loadingMore} onClick={() => void loadMore()}>Load older</Button> : <span class="muted small">This is the whole log{filtered ? " that matches" : ""}.</span>}
          </div>
        )}
      </div>
      {open && id !== null && <DeliveryDrawer key={id} webhookId={id} uuid={open} log={log.entries ?? []} onMove={openRow} onClose={() => changeParams({ open: null }, { replace: true })} />}
      {recovering && id !== null && <RecoverDialog id={id} name={webhook?.name ?? ""} onClose={() => setRecovering(false)} onDone={reload} />}
    </>
  );
}

function LiveMark({ live }: { live: Live }): JSX.Element {
  const [tone, text, title] = live === "live" ? ["good", "Live", "Changes appear as they happen."]
    : live === "polling" ? ["warn", "Every 5 s", "The live stream is not available; the page asks every five seconds."] : ["", "Connecting…", "The live stream is being opened."];
  return <span class="live" title={title}><span class={`dot ${tone}`} />{text}</span>;
}

function Filters({ webhooks, id, filter }: { webhooks: Webhook[] | undefined; id: number | null; filter: Filter }): JSX.Element {
  const events = useQuery("events", account.events);
  const names = [...(events.data ?? []).map((type) => type.event), kTestEvent];
  if (filter.event && !names.includes(filter.event)) names.push(filter.event);
  const setWithin = (within: Within): void =>
    changeParams(within === "custom" ? { within, from: filter.from || new Date(Date.now() - 86_400_000).toISOString() } : { within, from: null, until: null });
  return (
    <div class="filters">
      <Choice label="Webhook" value={String(id ?? "")} options={webhooks?.map((each) => ({ value: String(each.id), label: each.name })) ?? [{ value: String(id ?? ""), label: "…" }]}
              onChange={(value) => changeParams({ webhook: value, open: null })} />
      <Segments<Status | "all"> label="Status" value={filter.status || "all"} onChange={(value) => changeParams({ status: value === "all" ? null : value })}
                options={[{ value: "all", label: "All" }, { value: "pending", label: "Pending" }, { value: "delivered", label: "Delivered" }, { value: "failed", label: "Failed" }]} />
      <Choice label="Event" value={filter.event} options={[{ value: "", label: "Every event" }, ...names.map((name) => ({ value: name, label: name }))]}
              onChange={(event) => changeParams({ event: event || null })} />
      <Choice<Within> label="Time" value={filter.within} onChange={setWithin}
              options={[{ value: "", label: "Any time" }, { value: "1h", label: "Last hour" }, { value: "24h", label: "Last 24 hours" }, { value: "7d", label: "Last 7 days" }, { value: "custom", label: "From … until …" }]} />
      {filter.within === "custom" && (
        <>
          <Moment label="From" value={filter.from} onChange={(from) => changeParams({ within: "custom", from })} />
          <Moment label="Until" value={filter.until} onChange={(until) => changeParams({ within: "custom", until })} />
        </>
      )}
    </div>
  );
}

// A point in time, entered in the viewer's zone.
export function Moment({ label, value, onChange }: { label: string; value: string; onChange: (iso: string | null) => void }): JSX.Element {
  const id = `moment-${label.toLowerCase()}`;
  return (
    <span class="row">
      <label for={id} class="muted small">{label}</label>
      <input id={id} class="input" type="datetime-local" step="1" value={toLocalInput(value)}
             onChange={(event) => onChange(event.currentTarget.value ? new Date(event.currentTarget.value).toISOString() : null)} />
    </span>
  );
}
function toLocalInput(iso: string): string {
  if (!iso) return "";
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function LogTable({ log, open, onOpen }: { log: Log; open: string | null; onOpen: (uuid: string) => void }): JSX.Element {
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
    const row = (event.target as Element).closest("tr");
    if (!step || !row || !body.current) return;
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    const link = next?.querySelector<HTMLElement>("a");
    if (link) {
      event.preventDefault();
      link.focus();
    }
  };
  return (
    <div class="table-holder">
      <table class="table dense">
        <thead><tr><th>Event</th><th>Status</th><th class="optional">Answer</th><th class="optional right">Attempts</th><th class="optional">Delivery</th><th class="right">Created</th></tr></thead>
        <tbody ref={body} onKeyDown={move}>
          {!log.entries ? <BoneRows rows={10} columns={[140, 76, 40, 20, 210, 90]} /> : log.entries.map((entry) => (
            <tr key={entry.id} class={`link${entry.delivery_id === open ? " open" : ""}${log.fresh.has(entry.id) ? " fresh" : ""}`}
                onClick={(event) => { if (!(event.target as Element).closest("a")) onOpen(entry.delivery_id); }}>
              <td><a class="mono nowrap" href={`#${entry.delivery_id}`} onClick={(event) => { event.preventDefault(); onOpen(entry.delivery_id); }}>{entry.event_type}</a></td>
              <td><StatusBadge status={entry.status} /></td>
              <td class="code-badge optional">{entry.response_status_code ?? <span class="muted">–</span>}</td>
              <td class="optional right">{entry.attempt_number}</td>
              <td class="optional mono muted nowrap">{entry.delivery_id}</td>
              <td class="right"><Time at={entry.created_at} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// --- one delivery ---------------------------------------------------------------------------------------------------

function DeliveryDrawer({ webhookId, uuid, log, onMove, onClose }: {
  webhookId: number; uuid: string; log: Entry[]; onMove: (uuid: string) => void; onClose: () => void;
}): JSX.Element {
  const listed = log.find((entry) => entry.delivery_id === uuid);
  const delivery = useQuery(`delivery ${uuid}`, () => account.delivery(webhookId, uuid), listed?.status === "delivered" ? 0 : 5000);
  const me = useQuery("me", account.me);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const mark = listed ? `${listed.status} ${listed.attempt_number}` : "";
  useEffect(() => {
    setProblem("");
    if (mark && delivery.data && mark !== `${delivery.data.status} ${delivery.data.attempt_number}`) delivery.reload();
  }, [mark, uuid]);
  const index = log.findIndex((entry) => entry.delivery_id === uuid);
  const step = (by: number): void => {
    const next = index >= 0 ? log[index + by] : undefined;
    if (next) onMove(next.delivery_id);
  };
  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j") step(1);
      if (event.key === "k") step(-1);
    };
    window.addEventListener("keydown", keys);
    return () => window.removeEventListener("keydown", keys);
  });
  const retry = async (): Promise<void> => {
    setBusy(true);
    setProblem("");
    try {
      await account.retry(webhookId, uuid);
      toast("One more attempt is on its way.");
      delivery.reload();
      invalidate();
    } catch (error) {
      setProblem(error instanceof ApiError && error.status === 409 ? "An attempt is under way right now. Its outcome appears here in a moment." : words(error as Error));
    }
    setBusy(false);
  };
  const data = delivery.data;
  return (
    <Dialog drawer onClose={onClose}
            title={data ? <span class="row wrap"><span class="mono">{data.event_type}</span><StatusBadge status={data.status} /></span> : "Delivery"}
            head={
              <>
                <Button kind="plain" icon small aria-label="Newer delivery (k)" title="Newer (k)" disabled={index <= 0} onClick={() => step(-1)}><UpIcon /></Button>
                <Button kind="plain" icon small aria-label="Older delivery (j)" title="Older (j)" disabled={index < 0 || index >= log.length - 1} onClick={() => step(1)}><DownIcon /></Button>
              </>
            }
            footer={
              <>
                <Button kind={data?.status === "failed" ? "primary" : ""} busy={busy} disabled={!data} onClick={() => void retry()}>
                  <RetryIcon />{data?.status === "pending" ? "Try now" : data?.status === "delivered" ? "Send once more" : "Retry"}
                </Button>
                <span class="muted small grow">{problem ? <span style={{ color: "var(--bad-text)" }} role="alert">{problem}</span> : data?.status === "delivered" ? "The receiver already has it; it will see the same id." : ""}</span>
              </>
            }>
      {delivery.error && !data ? <Failure error={delivery.error} onRetry={delivery.reload} /> : !data ? (
        <div class="stack"><Bone width="100%" height={64} /><Bone width="70%" /><Bone width="60%" /><Bone width="100%" height={180} /></div>
      ) : <DeliveryBody delivery={data} settings={me.data?.settings} />}
    </Dialog>
  );
}

function DeliveryBody({ delivery, settings }: { delivery: DeliveryDetail; settings: Parameters<typeof nextWords>[1] }): JSX.Element {
  const last = delivery.attempts[delivery.attempts.length - 1];
  const why = delivery.status === "delivered" ? "" : reason(delivery.error ?? last?.error, last?.response_status_code ?? null);
  const [raw, setRaw] = useState(false);
  const size = byteLength(delivery.payload);
  const prefix = settings?.header_prefix ?? "X-Skylight-";
  return (
    <div class="stack loose">
      {delivery.status === "delivered" ? <Note tone="good"><b>Delivered{delivery.attempt_number > 1 ? ` at attempt ${delivery.attempt_number}` : ""}.</b> {nextWords(delivery, settings)}</Note> : (
        <Note tone={delivery.status === "failed" ? "bad" : "warn"}>
          {why && <div>{why}</div>}
          <div>
            <b>Next: </b>
            {delivery.status === "pending" && delivery.next_attempt_at && delivery.attempt_number > 0 ? <>attempt {delivery.attempt_number + 1} <Countdown to={delivery.next_attempt_at} /> (<Time at={delivery.next_attempt_at} />). </> : null}
            {nextWords(delivery, settings)}
          </div>
        </Note>
      )}
      <dl class="facts">
        <dt>Delivery</dt><dd class="row wrap"><code>{delivery.delivery_id}</code><CopyButton text={delivery.delivery_id} /></dd>
        <dt>Event</dt><dd><code>{delivery.event_id}</code></dd>
        <dt>Created</dt><dd><Time at={delivery.created_at} /> <span class="muted">(<Time at={delivery.created_at} relative />)</span></dd>
        {delivery.delivered_at && <><dt>Delivered</dt><dd><Time at={delivery.delivered_at} /> <span class="muted">({duration(Date.parse(delivery.delivered_at) - Date.parse(delivery.created_at))} after it was created)</span></dd></>}
      </dl>
      <section class="stack tight">
        <h3>{plural(delivery.attempts.length, "attempt")}</h3>
        <ol class="attempts">
          {[...delivery.attempts].reverse().map((attempt) => <AttemptItem key={attempt.number} attempt={attempt} />)}
          {delivery.attempts.length === 0 && <li class="attempt next"><span class="mark"><ClockIcon /></span><span class="muted">{delivery.status === "pending" ? "Not tried yet." : "It was never sent."}</span></li>}
        </ol>
      </section>
      <section class="stack tight">
        <h3>Payload</h3>
        <Code label="Payload" json={!raw} wrapped text={raw ? delivery.payload : pretty(delivery.payload)} title={
          <span class="row"><span>{bytes(size)}</span>
            <button type="button" class="button plain small" aria-pressed={raw ? "true" : "false"} onClick={() => setRaw(!raw)}>{raw ? "Indented" : "As sent"}</button></span>
        } />
      </section>
      <section class="stack tight">
        <h3>Request headers</h3>
        <Headers headers={[
          ["Content-Type", "application/json"],
          [`${prefix}Event`, delivery.event_type],
          [`${prefix}Delivery`, delivery.delivery_id],
          [`${prefix}Timestamp`, timestampOf(delivery)],
          [`${prefix}Signature`, "sha256=…, made with the secret"],
          ["webhook-id", delivery.delivery_id],
          ["webhook-timestamp", "the time of each attempt"],
          ["webhook-signature", "v1,…, made for each attempt"],
        ]} />
      </section>
    </div>
  );
}

function timestampOf(delivery: DeliveryDetail): string {
  const match = /"timestamp":(\d+)/.exec(delivery.payload.slice(0, 400));
  return match?.[1] ?? String(Math.floor(Date.parse(delivery.created_at) / 1000));
}

function AttemptItem({ attempt }: { attempt: Attempt }): JSX.Element {
  const good = attempt.response_status_code !== null && attempt.response_status_code >= 200 && attempt.response_status_code < 300 && (!attempt.error || attempt.error === "none");
  const headers = headerList(attempt.response_headers);
  const body = attempt.response_body ?? "";
  return (
    <li class={`attempt ${good ? "good" : "bad"}`}>
      <span class="mark">{good ? <CheckIcon /> : <CrossIcon />}</span>
      <div class="row wrap" style={{ justifyContent: "space-between" }}>
        <b>Attempt {attempt.number}{attempt.response_status_code !== null ? <>: <span class="number">{attempt.response_status_code}</span></> : `: ${shortReason(attempt.error, null)}`}</b>
        <span class="muted small number">{duration(attempt.duration_ms)} · <Time at={attempt.started_at} /></span>
      </div>
      {!good && <p class="small">{attemptWords(attempt)}</p>}
      {attempt.error_detail && <p class="small muted mono wrap-anywhere"><Foreign>{attempt.error_detail}</Foreign></p>}
      {(headers.length > 0 || body) && (
        <details>
          <summary>Answer{body ? `, ${bytes(byteLength(body))}${attempt.response_truncated ? " shown" : ""}` : ""}</summary>
          <div class="stack tight" style={{ marginTop: "8px" }}>
            {body && <Code label={`Answer of attempt ${attempt.number}`} json wrapped text={body} title={attempt.response_truncated ? "Body, the first 16 KiB" : "Body"} />}
            {headers.length > 0 && <Headers headers={headers} />}
          </div>
        </details>
      )}
    </li>
  );
}

function headerList(headers: Attempt["response_headers"] | string): [string, string][] {
  if (!headers) return [];
  if (typeof headers === "string") {
    return headers.split("\r\n").filter(Boolean).map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
  }
  return Array.isArray(headers) ? headers : Object.entries(headers);
}

const Headers = ({ headers }: { headers: [string, string][] }): JSX.Element => (
  <dl class="facts mono">
    {headers.map(([name, value], i) => <HeaderRow key={i} name={name} value={value} />)}
  </dl>
);
const HeaderRow = ({ name, value }: { name: string; value: string }): JSX.Element => (
  <><dt><Foreign>{name}</Foreign></dt><dd><Foreign>{value}</Foreign></dd></>
);

// --- recover a span -------------------------------------------------------------------------------------------------

function RecoverDialog({ id, name, onClose, onDone }: { id: number; name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const [within, setWithin] = useState<Within>("24h");
  const [from, setFrom] = useState(() => new Date(Date.now() - 86_400_000).toISOString());
  const [until, setUntil] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const since = useMemo(() => (within === "custom" ? from : new Date(Date.now() - (kWithinMs[within] ?? 0)).toISOString()), [within, from]);
  const end = within === "custom" ? until : "";
  const preview = useQuery(`recover ${id} ${since} ${end}`, () => account.recover(id, since, end || null, true));
  const failed = preview.data?.would_recover;
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem("");
    try {
      const done = await account.recover(id, since, end || null, false);
      toast(`${plural(done.recovered ?? 0, "delivery goes", "deliveries go")} out again.`);
      invalidate();
      onDone();
      onClose();
    } catch (error) {
      setProblem(words(error as Error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={<>Recover failed deliveries of <Foreign>{name}</Foreign></>} onClose={onClose} footer={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={busy} disabled={!failed} onClick={() => void run()}>{failed ? `Recover ${count(failed)}` : "Recover"}</Button>
      </>
    }>
      <div class="stack">
        <p>Every delivery that failed in this time is sent again, dealt out over time so that the receiver is not stormed.</p>
        <Segments<Within> label="Time" value={within} onChange={setWithin}
                  options={[{ value: "1h", label: "Last hour" }, { value: "24h", label: "24 hours" }, { value: "7d", label: "7 days" }, { value: "custom", label: "From … until …" }]} />
        {within === "custom" && (
          <div class="row wrap"><Moment label="From" value={from} onChange={(value) => value && setFrom(value)} /><Moment label="Until" value={until} onChange={(value) => setUntil(value ?? "")} /></div>
        )}
        <div style={{ minHeight: "46px" }} aria-live="polite">
          {preview.error ? <Note tone="bad">{words(preview.error)}</Note> : failed === undefined ? <Note><Bone width={240} /></Note>
            : failed === 0 ? <Note tone="good">Nothing failed in this time.</Note>
            : <Note tone="warn"><b class="number">{plural(failed, "delivery", "deliveries")}</b> failed in this time and will be sent again.</Note>}
        </div>
        {problem && <Note tone="bad">{problem}</Note>}
      </div>
    </Dialog>
  );
}

