import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { account, ApiError, type Entry, type EventType, type Webhook, type WebhookHealth } from "../api";
import { attention, sum } from "../attention";
import { compact, count, duration, percent, plural } from "../format";
import { invalidate, useQuery } from "../query";
import { kRanges, rangeWords, spanOf, toRange, wholeSpan } from "../range";
import { shortReason, statusWords } from "../reasons";
import { changeParams, href, navigate, useRoute } from "../router";
import { BackIcon, PauseIcon, PlusIcon, SendIcon, WebhookIcon } from "../ui/icons";
import {
  Bone, BoneRows, Button, Confirm, CopyButton, Dialog, Empty, Failure, Field, Figure, Foreign, NoMatch, Note, Problems, Segments, Spark, StatusBadge, Switch, Time,
  toast, visible, words,
} from "../ui/parts";
import { DeliveriesChart } from "../ui/chart";
import { Verification } from "../ui/verification";

const kRefreshMs = 15_000;
const kSparkSteps = 30;

// --- the list -------------------------------------------------------------------------------------------------------

export function Webhooks(): JSX.Element {
  const { params } = useRoute();
  const search = params.get("search") ?? "";
  const webhooks = useQuery("webhooks", account.webhooks, kRefreshMs);
  const health = useQuery("health 24h", () => account.health(spanOf("24h", kSparkSteps)), kRefreshMs);
  const shown = webhooks.data?.filter((one) => matches(one, search));
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Webhooks</h1></div>
        <div class="actions">
          {(webhooks.data?.length ?? 0) > 5 && (
            <>
              <label class="visually-hidden" for="webhook-search">Search webhooks</label>
              <input id="webhook-search" class="input" type="search" placeholder="Search name, URL, event" value={search}
                     onInput={(event) => changeParams({ search: event.currentTarget.value }, { replace: true })} style={{ width: "230px" }} />
            </>
          )}
          <a class="button primary" href={href("webhooks/new")}><PlusIcon />New webhook</a>
        </div>
      </div>
      <div class="card">
        {webhooks.error && !webhooks.data ? <Failure error={webhooks.error} onRetry={webhooks.reload} /> : webhooks.data?.length === 0 ? (
          <Empty title="No webhooks yet" icon={<WebhookIcon class="picture" />} actions={<a class="button primary" href={href("webhooks/new")}><PlusIcon />New webhook</a>}>
            Tell us where your events shall go: an https address of yours, and which events it wants.
          </Empty>
        ) : shown?.length === 0 ? <NoMatch onClear={() => changeParams({ search: null })}>No webhook has “<Foreign>{search}</Foreign>” in its name, URL or events.</NoMatch>
          : <WebhookTable webhooks={shown} health={health.data} target={(id) => href(`webhooks/${id}`)} />}
      </div>
    </>
  );
}

const matches = (webhook: Webhook, search: string): boolean => {
  const wanted = search.trim().toLowerCase();
  return !wanted || [webhook.name, webhook.url, ...webhook.events].some((text) => text.toLowerCase().includes(wanted));
};

export function WebhookTable({ webhooks, health, target }: {
  webhooks: Webhook[] | undefined; health: WebhookHealth[] | undefined; target: ((id: number) => string) | null;
}): JSX.Element {
  const byId = new Map((health ?? []).map((one) => [one.id, one]));
  // Without links in it, the table itself has to take the focus, so that the keyboard can scroll it.
  const scrolls = target ? {} : { tabIndex: 0, role: "region" as const, "aria-label": "Webhooks and their health" };
  return (
    <div class="table-holder" {...scrolls}>
      <table class="table">
        <thead>
          <tr><th>Webhook</th><th>State</th><th class="right">Success<span class="optional">, 24 h</span></th><th class="optional">Deliveries, 24 h</th><th class="optional">Waiting</th><th class="optional">Last delivery</th></tr>
        </thead>
        <tbody>
          {!webhooks ? <BoneRows rows={4} columns={[180, 70, 50, 132, 30, 90]} /> : webhooks.map((webhook) => {
            const one = byId.get(webhook.id);
            const totals = one ? sum(one.steps) : undefined;
            return (
              <tr key={webhook.id} class={target ? "link" : ""} onClick={(event) => { if (target && !(event.target as Element).closest("a")) navigate(target(webhook.id)); }}>
                <td>
                  <div class="primary-cell">
                    {target ? <a class="truncate" href={target(webhook.id)}><Foreign>{webhook.name}</Foreign></a> : <b class="truncate"><Foreign>{webhook.name}</Foreign></b>}
                    <span class="sub truncate mono" title={visible(webhook.url)}><Foreign>{webhook.url}</Foreign></span>
                  </div>
                </td>
                <td><StateBadge webhook={webhook} health={one} /></td>
                <td class="right">{totals ? percent(totals.delivered, totals.delivered + totals.failed) : <Bone width={44} />}</td>
                <td class="optional">
                  {one ? <Spark points={one.steps.map((step) => ({ good: step.delivered, bad: step.failed_attempts }))}
                                label={`${count(totals?.delivered ?? 0)} delivered, ${count(totals?.failedAttempts ?? 0)} attempts failed in 24 hours`} /> : <Bone width={132} height={28} />}
                </td>
                <td class="optional number">{one ? compact(one.pending) : <Bone width={24} />}</td>
                <td class="optional nowrap">{one ? (one.last_delivery ? <LastDelivery entry={one.last_delivery} /> : <span class="muted">never</span>) : <Bone width={90} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function LastDelivery({ entry }: { entry: NonNullable<WebhookHealth["last_delivery"]> }): JSX.Element {
  const tone = entry.status === "delivered" ? "good" : entry.status === "failed" ? "bad" : "warn";
  return (
    <span class="row">
      <span class={`dot ${tone}`} role="img" aria-label={entry.status} />
      <Time at={entry.created_at} relative />
    </span>
  );
}

export function StateBadge({ webhook, health }: { webhook: Webhook; health: WebhookHealth | undefined }): JSX.Element {
  const finding = health ? attention(webhook, health) : null;
  if (!webhook.is_active) return <span class={`badge ${finding ? "bad" : ""}`}><PauseIcon />Off</span>;
  if (finding?.tone === "bad") return <span class="badge bad" title={finding.reason}><span class="dot bad" />Failing</span>;
  if (finding) return <span class="badge warn" title={finding.reason}><span class="dot warn" />Degraded</span>;
  return <span class="badge good"><span class="dot good" />Active</span>;
}

// --- one webhook ----------------------------------------------------------------------------------------------------

type Asking = "off" | "regenerate" | "delete" | null;

export function WebhookDetail({ id }: { id: number }): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const webhook = useQuery(`webhook ${id}`, () => account.webhook(id), kRefreshMs);
  const stats = useQuery(`stats ${id} ${range}`, () => account.webhookStats(id, spanOf(range)), kRefreshMs);
  const whole = useQuery(`whole ${id} ${range}`, () => account.webhookStats(id, wholeSpan(range)), kRefreshMs);
  const health = useQuery(`health ${range}`, () => account.health(spanOf(range, kSparkSteps)), kRefreshMs);
  const events = useQuery("events", account.events);
  const [asking, setAsking] = useState<Asking>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  if (webhook.error && !webhook.data) return <><Back /><div class="card"><Failure error={webhook.error} onRetry={webhook.reload} /></div></>;
  const hook = webhook.data;
  const one = health.data?.find((each) => each.id === id);
  const finding = hook && one ? attention(hook, one) : null;
  const totals = stats.data ? sum(stats.data) : undefined;
  const latency = whole.data?.[whole.data.length - 1];

  const setActive = async (active: boolean): Promise<void> => {
    setBusy(true);
    try {
      await account.update(id, { is_active: active });
      invalidate();
      toast(active ? "The webhook is on." : "The webhook is off.");
      setAsking(null);
    } catch (error) {
      if (asking) throw error;
      toast(words(error as Error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <Back />
      <div class="head">
        <div class="titles">
          <h1>{hook ? <Foreign>{hook.name}</Foreign> : <Bone width={220} height={24} />}</h1>
          <p class="mono">{hook ? <Foreign>{hook.url}</Foreign> : <Bone width={320} />}</p>
        </div>
        <div class="actions">
          <Switch label={hook?.is_active === false ? "Off" : "On"} checked={hook?.is_active ?? false} disabled={!hook || busy}
                  onChange={(active) => (active ? void setActive(true) : setAsking("off"))} />
          <a class="button" href={href(`webhooks/${id}/edit`)}>Edit</a>
          <TestButton id={id} />
        </div>
      </div>
      <div class="stack">
        {hook && !hook.is_active && <Note tone="warn">This webhook is off: events are not delivered to it. Switch it on to receive those that come from then on.</Note>}
        {finding && hook?.is_active && (
          <Note tone={finding.tone}><b>{finding.title}.</b> {finding.reason} <a class="inline-link" href={href("deliveries", { webhook: id, ...finding.filter })}>Show these deliveries</a></Note>
        )}
        <dl class="figures">
          <Figure label="Delivered" value={totals ? compact(totals.delivered) : <Bone width={60} height={22} />} note={rangeWords(range)} />
          <Figure label="Success rate" value={totals ? percent(totals.delivered, totals.delivered + totals.failed) : <Bone width={60} height={22} />}
                  note={totals ? `${plural(totals.failed, "delivery", "deliveries")} failed` : <Bone width={90} height={12} />} />
          <Figure label="Latency" value={whole.data ? duration(latency?.duration_p50_ms) : <Bone width={60} height={22} />} unit={latency?.duration_p50_ms != null ? "p50" : ""}
                  note={whole.data ? `p95 ${duration(latency?.duration_p95_ms)}` : <Bone width={80} height={12} />} />
          <Figure label="Waiting now" value={one ? compact(one.pending) : <Bone width={40} height={22} />} note={one ? (one.pending ? "to be sent or retried" : "all caught up") : <Bone width={80} height={12} />} />
        </dl>
        <section class="card" aria-label="Deliveries over time">
          <DeliveriesChart steps={stats.data} stepSeconds={spanOf(range).step} words={rangeWords(range)}
                           onSelect={(from, to) => navigate(href("deliveries", { webhook: id, from: from.toISOString(), until: to.toISOString() }))} />
          <div class="more" style={{ justifyContent: "space-between", padding: "10px 18px" }}>
            <Segments label="Range" value={range} options={kRanges} onChange={(value) => changeParams({ range: value })} />
            <a class="button" href={href("deliveries", { webhook: id })}>All deliveries</a>
          </div>
        </section>
        <div class="two">
          <section class="card" aria-label="Events">
            <header><h2>Events</h2><a class="button small" href={href(`webhooks/${id}/edit`)}>Change</a></header>
            <ul class="body stack tight">
              {!hook ? <Bone width="50%" /> : hook.events.map((name) => (
                <li key={name}><span class="tag">{name}</span> <span class="muted small">{events.data?.find((type) => type.event === name)?.description}</span></li>
              ))}
            </ul>
          </section>
          <section class="card" aria-label="Settings">
            <header><h2>Settings</h2></header>
            <div class="body stack">
              <dl class="facts">
                <dt>Id</dt><dd class="number">{id}</dd>
                <dt>Created</dt><dd>{hook?.created_at ? <Time at={hook.created_at} /> : "–"}</dd>
                <dt>Changed</dt><dd>{hook?.updated_at ? <Time at={hook.updated_at} /> : "–"}</dd>
                <dt>Secret</dt><dd class="muted">Shown once, when made. Lost it? Make a new one.</dd>
              </dl>
              <div class="row wrap">
                <Button onClick={() => setAsking("regenerate")}>Regenerate secret</Button>
                <Button kind="danger" onClick={() => setAsking("delete")}>Delete webhook</Button>
              </div>
            </div>
          </section>
        </div>
      </div>
      {asking === "off" && hook && (
        <Confirm title={<>Switch off <Foreign>{hook.name}</Foreign>?</>} action="Switch off" onClose={() => setAsking(null)} onConfirm={() => setActive(false)}>
          <p>New events are not delivered from this moment on. {one?.pending ? <b>{plural(one.pending, "delivery that waits ends", "deliveries that wait end")} as failed.</b> : "Deliveries that wait end as failed."} You can recover them after switching it on again.</p>
        </Confirm>
      )}
      {asking === "regenerate" && hook && (
        <Confirm title="Regenerate the secret?" action="Regenerate secret" onClose={() => setAsking(null)}
                 onConfirm={async () => { setSecret((await account.regenerate(id)).secret); setAsking(null); invalidate(); }}>
          <div class="stack tight">
            <p>The present secret signs nothing from this moment on, retries of older deliveries included.</p>
            <p>Until the receiver of <b><Foreign>{hook.name}</Foreign></b> knows the new one, it will reject what it verifies. Those deliveries are retried, so a change within the hour loses nothing.</p>
          </div>
        </Confirm>
      )}
      {asking === "delete" && hook && (
        <Confirm title={<>Delete <Foreign>{hook.name}</Foreign>?</>} action="Delete webhook" typed={hook.name} onClose={() => setAsking(null)}
                 onConfirm={async () => { await account.remove(id); setAsking(null); invalidate(); toast("The webhook was deleted."); navigate(href("webhooks")); }}>
          <p>Its log goes with it{one && one.pending + one.delivered + one.failed ? <> (<b>{plural(one.pending + one.delivered + one.failed, "delivery", "deliveries")}</b>)</> : ""}, and what waits is not sent. This cannot be undone.</p>
        </Confirm>
      )}
      {secret && <SecretDialog title="The new secret" secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

const Back = (): JSX.Element => <a class="back" href={href("webhooks")}><BackIcon />Webhooks</a>;

export function TestButton({ id, quiet }: { id: number; quiet?: boolean }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind={quiet ? "" : "primary"} onClick={() => setOpen(true)}><SendIcon />Send test</Button>
      {open && <TestDialog id={id} onClose={() => setOpen(false)} />}
    </>
  );
}

function TestDialog({ id, onClose }: { id: number; onClose: () => void }): JSX.Element {
  const [entry, setEntry] = useState<Entry | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(true);
  const started = useRef(0);
  const run = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    started.current = Date.now();
    try {
      setEntry(await account.test(id));
      invalidate();
    } catch (problem) {
      setError(problem as Error);
    }
    setBusy(false);
  };
  useEffect(() => void run(), []);
  const detail = useQuery(entry ? `delivery ${entry.delivery_id} ${entry.attempt_number}` : null, () => account.delivery(id, entry?.delivery_id ?? ""));
  const attempt = detail.data?.attempts[detail.data.attempts.length - 1];
  return (
    <Dialog title="Test delivery" onClose={onClose} footer={
      <>
        {entry && <a class="button" href={href("deliveries", { webhook: id, open: entry.delivery_id })}>Open delivery</a>}
        <Button busy={busy} onClick={() => void run()}>Send again</Button>
        <Button kind="primary" onClick={onClose}>Done</Button>
      </>
    }>
      <div class="stack" style={{ minHeight: "150px" }} aria-live="polite">
        {busy ? <div class="row"><span class="spin" style={{ width: "16px", height: "16px" }} /><span>Sending a <span class="tag">webhook.test</span> event and waiting for the answer…</span></div>
          : error ? <Note tone="bad">{words(error)}</Note>
          : entry && (
            <>
              <Note tone={entry.status === "delivered" ? "good" : "bad"}>
                <b>{entry.status === "delivered" ? "The receiver accepted it." : "It did not arrive."}</b>{" "}
                {entry.status === "delivered" ? "" : attempt ? whyFailed(attempt.error, attempt.response_status_code) : shortReason(null, entry.response_status_code)}
              </Note>
              <dl class="facts">
                <dt>Result</dt><dd><StatusBadge status={entry.status} /></dd>
                <dt>Answer</dt><dd class="number">{entry.response_status_code ?? "none"}</dd>
                <dt>Took</dt><dd class="number">{attempt ? duration(attempt.duration_ms) : <Bone width={50} />}</dd>
                {attempt?.response_body && <><dt>Body</dt><dd class="mono wrap-anywhere"><Foreign>{attempt.response_body.slice(0, 300)}</Foreign></dd></>}
              </dl>
            </>
          )}
      </div>
    </Dialog>
  );
}

function whyFailed(error: string | null, status: number | null): string {
  if (status !== null && (!error || error === "http_status")) return statusWords(status);
  return `It ${shortReason(error, status)}.`;
}

// --- create and edit ------------------------------------------------------------------------------------------------

export function NewWebhook(): JSX.Element {
  const [made, setMade] = useState<Webhook | null>(null);
  return (
    <>
      <Back />
      <div class="head"><div class="titles"><h1>New webhook</h1></div></div>
      <WebhookForm initial={{ name: "", url: "", events: [], is_active: true }} action="Create webhook" cancel={href("webhooks")}
                   save={async (body) => { setMade(await account.create(body)); invalidate(); }} />
      {made?.secret && (
        <SecretDialog title={<><Foreign>{made.name}</Foreign> is ready</>} secret={made.secret} webhookId={made.id} onClose={() => navigate(href(`webhooks/${made.id}`), { replace: true })} />
      )}
    </>
  );
}

export function EditWebhook({ id }: { id: number }): JSX.Element {
  const webhook = useQuery(`webhook ${id}`, () => account.webhook(id));
  const back = href(`webhooks/${id}`);
  return (
    <>
      <a class="back" href={back}><BackIcon />Back</a>
      <div class="head"><div class="titles"><h1>Edit webhook</h1></div></div>
      {webhook.error && !webhook.data ? <div class="card"><Failure error={webhook.error} onRetry={webhook.reload} /></div> : !webhook.data ? <div class="card"><div class="body"><Bone width="100%" height={420} /></div></div> : (
        <WebhookForm initial={webhook.data} action="Save changes" cancel={back}
                     save={async (body) => { await account.update(id, body); invalidate(); toast("Saved. It holds from the next attempt on."); navigate(back); }} />
      )}
    </>
  );
}

interface Draft {
  name: string;
  url: string;
  events: string[];
  is_active: boolean;
}

function WebhookForm({ initial, action, cancel, save }: {
  initial: Draft; action: string; cancel: string; save: (body: Draft) => Promise<void>;
}): JSX.Element {
  const [draft, setDraft] = useState<Draft>({ name: initial.name, url: initial.url, events: initial.events, is_active: initial.is_active });
  const [problems, setProblems] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const catalogue = useQuery("events", account.events);
  const change = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblems({});
    setFailure("");
    try {
      await save(draft);
    } catch (error) {
      if (error instanceof ApiError && Object.keys(error.errors).length) {
        setProblems(error.errors);
      } else {
        setFailure(words(error as Error));
      }
    }
    setBusy(false);
  };
  useEffect(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), [problems]);
  const eventProblems = Object.entries(problems).filter(([field]) => field === "events" || field.startsWith("events.")).flatMap(([, texts]) => texts);
  const known = new Set(["name", "url", "is_active"]);
  const others = Object.entries(problems).filter(([field]) => !known.has(field) && !field.startsWith("events")).flatMap(([, texts]) => texts);
  return (
    <form ref={form} class="card" onSubmit={(event) => void submit(event)} noValidate>
      <div class="body stack loose">
        <Field label="Name" value={draft.name} onInput={(name) => change({ name })} problems={problems.name} placeholder="Production" hint="For people: what this address is." />
        <Field label="URL" value={draft.url} onInput={(url) => change({ url })} problems={problems.url} mono placeholder="https://example.com/webhooks" type="url"
               hint="An https address that is reachable from the public internet and answers 2xx within the time limit." />
        <EventPicker types={catalogue.data} error={catalogue.error} onRetry={catalogue.reload} chosen={draft.events} problems={eventProblems} onChange={(events) => change({ events })} />
        <div class="field">
          <Switch label={draft.is_active ? "On: events are delivered" : "Off: nothing is delivered for now"} checked={draft.is_active} onChange={(is_active) => change({ is_active })} />
          <Problems id="active-problem" problems={problems.is_active} />
        </div>
        {(failure || others.length > 0) && <Note tone="bad">{[failure, ...others].filter(Boolean).join(" ")}</Note>}
      </div>
      <div class="more" style={{ justifyContent: "flex-end" }}>
        <a class="button" href={cancel}>Cancel</a>
        <Button kind="primary" type="submit" busy={busy}>{action}</Button>
      </div>
    </form>
  );
}

function EventPicker({ types, error, onRetry, chosen, problems, onChange }: {
  types: EventType[] | undefined; error: Error | undefined; onRetry: () => void; chosen: string[]; problems: string[]; onChange: (events: string[]) => void;
}): JSX.Element {
  const groups = new Map<string, EventType[]>();
  for (const type of types ?? []) {
    const group = type.event.split(".")[0] ?? type.event;
    groups.set(group, [...(groups.get(group) ?? []), type]);
  }
  const all = (types ?? []).map((type) => type.event);
  const toggle = (name: string, on: boolean): void => onChange(on ? [...chosen, name] : chosen.filter((each) => each !== name));
  return (
    <fieldset class="field" aria-describedby={problems.length ? "events-problem" : undefined}>
      <legend class="label">Events</legend>
      <div class="row" style={{ justifyContent: "space-between" }}>
        <span class="hint number">{chosen.length} of {all.length || "…"} chosen</span>
        <Button small kind="plain" disabled={!types} onClick={() => onChange(chosen.length === all.length ? [] : all)}>{types && chosen.length === all.length ? "Choose none" : "Choose all"}</Button>
      </div>
      <Problems id="events-problem" problems={problems} />
      {error && !types ? <Failure error={error} onRetry={onRetry} /> : !types ? <Bone width="100%" height={300} /> : [...groups].map(([group, members]) => (
        <div class="event-group" key={group} role="group" aria-label={`${group} events`}>
          <h2>{group[0]?.toUpperCase()}{group.slice(1)}</h2>
          <div class="events-grid">
            {members.map((type) => (
              <label class="check" key={type.event}>
                <input type="checkbox" checked={chosen.includes(type.event)} onChange={(event) => toggle(type.event, event.currentTarget.checked)}
                       aria-invalid={problems.length && type.event === all[0] ? "true" : undefined} />
                <span class="grow"><span class="mono">{type.event}</span><span class="description">{type.description}</span></span>
              </label>
            ))}
          </div>
        </div>
      ))}
    </fieldset>
  );
}

// The only moment at which a secret is seen.
function SecretDialog({ title, secret, webhookId, onClose }: { title: ComponentChildren; secret: string; webhookId?: number; onClose: () => void }): JSX.Element {
  const me = useQuery("me", account.me);
  return (
    <Dialog wide title={title} onClose={onClose} footer={
      <>
        {webhookId !== undefined && <TestButton id={webhookId} quiet />}
        <Button kind="primary" onClick={onClose}>I have stored it</Button>
      </>
    }>
      <div class="stack">
        <Note tone="warn">This secret is shown <b>once</b>. Store it where your receiver reads it, such as an environment variable.</Note>
        <div class="secret"><code data-testid="secret">{secret}</code><CopyButton text={secret} label="Copy secret" /></div>
        <div class="stack tight">
          <h3>Verify each delivery with it</h3>
          <Verification headerPrefix={me.data?.settings.header_prefix ?? "X-Skylight-"} />
        </div>
      </div>
    </Dialog>
  );
}

