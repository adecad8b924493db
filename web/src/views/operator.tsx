import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, operator, type Account, type AccountHealth, type NodeInfo } from "../api";
import { example } from "../examples";
import { byteLength, bytes, compact, count, duration, percent, plural, span } from "../format";
import { invalidate, useQuery } from "../query";
import { kRanges, rangeWords, spanOf, toRange, wholeSpan } from "../range";
import { changeParams, href, navigate, useRoute } from "../router";
import { BackIcon, KeyIcon, NodesIcon, PauseIcon, PeopleIcon, PlusIcon, SendIcon } from "../ui/icons";
import {
  Bone, BoneRows, Button, Choice, Confirm, CopyButton, Dialog, Empty, Failure, Field, Figure, Foreign, NoMatch, Note, Segments, Switch, Time, toast, words,
} from "../ui/parts";
import { DeliveriesChart } from "../ui/chart";
import { sum } from "../attention";
import { NeedAttention } from "./overview";
import { WebhookTable } from "./webhooks";

const kRefreshMs = 15_000;
const kQuickMs = 5_000;
const kPage = 50;

// --- overview -------------------------------------------------------------------------------------------------------

export function OperatorOverview(): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const stats = useQuery("operator stats", operator.stats, kQuickMs);
  const history = useQuery(`operator history ${range}`, () => operator.history(spanOf(range)), kRefreshMs);
  const whole = useQuery(`operator whole ${range}`, () => operator.history(wholeSpan(range)), kRefreshMs);
  const accounts = useQuery("accounts 1", () => operator.accounts(1, kPage), kRefreshMs);
  const health = useQuery("accounts health 1", () => operator.health(1, kPage), kRefreshMs);
  const totals = history.data ? sum(history.data) : undefined;
  const latency = whole.data?.[whole.data.length - 1];
  const now = stats.data;
  const failure = [stats, history].find((query) => query.error && !query.data);
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Overview</h1></div>
        <div class="actions"><Segments label="Range" value={range} options={kRanges} onChange={(value) => changeParams({ range: value })} /></div>
      </div>
      {failure?.error ? <div class="card"><Failure error={failure.error} onRetry={failure.reload} /></div> : (
        <div class="stack">
          <dl class="figures">
            <Figure label="Delivered" value={totals ? compact(totals.delivered) : <Bone width={64} height={22} />} note={rangeWords(range)} />
            <Figure label="Success rate" value={totals ? percent(totals.delivered, totals.delivered + totals.failed) : <Bone width={64} height={22} />} note={totals ? `${count(totals.failed)} failed` : <Bone width={70} height={12} />} />
            <Figure label="Latency" value={whole.data ? duration(latency?.duration_p50_ms) : <Bone width={64} height={22} />} unit={latency?.duration_p50_ms != null ? "p50" : ""} note={whole.data ? `p95 ${duration(latency?.duration_p95_ms)}` : <Bone width={70} height={12} />} />
            <Figure label="Waiting now" value={now ? compact(now.queue_depth) : <Bone width={50} height={22} />} note={now ? `${count(now.in_flight)} in flight` : <Bone width={70} height={12} />} />
            <Figure label="Oldest waiting" value={now ? (now.oldest_waiting_at ? span(Date.now() - Date.parse(now.oldest_waiting_at)) : "–") : <Bone width={64} height={22} />} note={now ? (now.oldest_waiting_at ? "since it was created" : "nothing waits") : <Bone width={70} height={12} />} />
          </dl>
          <section class="card" aria-label="Deliveries over time">
            <DeliveriesChart steps={history.data} stepSeconds={spanOf(range).step} words={rangeWords(range)} />
          </section>
          <section class="card" aria-label="Accounts">
            <header><h2>Accounts</h2><a class="button small" href={href("accounts")}>All accounts</a></header>
            {accounts.error && !accounts.data ? <Failure error={accounts.error} onRetry={accounts.reload} />
              : accounts.data?.data.length === 0 ? <NoAccounts />
              : <AccountTable accounts={accounts.data?.data.slice(0, 8)} health={health.data} />}
          </section>
        </div>
      )}
    </>
  );
}

const NoAccounts = (): JSX.Element => (
  <Empty title="No accounts yet" icon={<PeopleIcon class="picture" />} actions={<a class="button primary" href={href("accounts", { create: 1 })}><PlusIcon />New account</a>}>
    An account is a customer of your platform. It has a key of its own and manages its own webhooks with it.
  </Empty>
);

function AccountTable({ accounts, health }: { accounts: Account[] | undefined; health: AccountHealth[] | undefined }): JSX.Element {
  const byId = new Map((health ?? []).map((one) => [one.id, one]));
  return (
    <div class="table-holder">
      <table class="table">
        <thead><tr><th>Account</th><th>State</th><th class="optional right">Webhooks</th><th class="optional right">Delivered</th><th class="right">Failed</th><th class="optional right">Waiting</th><th class="optional right">Created</th></tr></thead>
        <tbody>
          {!accounts ? <BoneRows rows={4} columns={[160, 60, 24, 50, 36, 36, 80]} /> : accounts.map((account) => {
            const one = byId.get(account.id);
            return (
              <tr key={account.id} class="link" onClick={(event) => { if (!(event.target as Element).closest("a")) navigate(href(`accounts/${account.id}`)); }}>
                <td><div class="primary-cell"><a class="truncate" href={href(`accounts/${account.id}`)}><Foreign>{account.name}</Foreign></a><span class="sub number">Account {account.id}</span></div></td>
                <td>{account.is_active ? <span class="badge good"><span class="dot good" />Active</span> : <span class="badge"><PauseIcon />Off</span>}</td>
                <td class="optional right">{one ? (one.active_webhooks === one.webhooks ? count(one.webhooks) : `${count(one.active_webhooks)} of ${count(one.webhooks)} on`) : <Bone width={24} />}</td>
                <td class="optional right">{one ? compact(one.delivered) : <Bone width={44} />}</td>
                <td class="right">{one ? (one.failed ? <span class="badge bad">{compact(one.failed)}</span> : <span class="muted">0</span>) : <Bone width={30} />}</td>
                <td class="optional right">{one ? compact(one.pending) : <Bone width={30} />}</td>
                <td class="optional right nowrap muted"><Time at={account.created_at} relative /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

// --- accounts -------------------------------------------------------------------------------------------------------

export function Accounts(): JSX.Element {
  const { params } = useRoute();
  const page = Math.max(1, Number(params.get("page")) || 1);
  const accounts = useQuery(`accounts ${page}`, () => operator.accounts(page, kPage), kRefreshMs);
  const health = useQuery(`accounts health ${page}`, () => operator.health(page, kPage), kRefreshMs);
  const [made, setMade] = useState<Account | null>(null);
  const creating = params.get("create") !== null;
  const last = accounts.data?.meta.last_page ?? 1;
  const close = (): void => changeParams({ create: null }, { replace: true });
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Accounts</h1>{accounts.data?.meta.total !== undefined && <p>{plural(accounts.data.meta.total, "account")}</p>}</div>
        <div class="actions"><Button kind="primary" onClick={() => changeParams({ create: 1 })}><PlusIcon />New account</Button></div>
      </div>
      <div class="card">
        {accounts.error && !accounts.data ? <Failure error={accounts.error} onRetry={accounts.reload} />
          : accounts.data?.data.length === 0 ? (page > 1 ? <NoMatch onClear={() => changeParams({ page: null })}>There is no such page of accounts.</NoMatch> : <NoAccounts />)
          : <AccountTable accounts={accounts.data?.data} health={health.data} />}
        {last > 1 && (
          <nav class="more" aria-label="Pages">
            <Button disabled={page <= 1} onClick={() => changeParams({ page: page - 1 })}>Previous</Button>
            <span class="muted number">Page {page} of {last}</span>
            <Button disabled={page >= last} onClick={() => changeParams({ page: page + 1 })}>Next</Button>
          </nav>
        )}
      </div>
      {creating && <CreateAccount onClose={close} onMade={(account) => { close(); setMade(account); invalidate(); }} />}
      {made?.api_key && <KeyDialog title={<>Account <Foreign>{made.name}</Foreign> is ready</>} apiKey={made.api_key} onClose={() => { setMade(null); navigate(href(`accounts/${made.id}`)); }} />}
    </>
  );
}

function CreateAccount({ onClose, onMade }: { onClose: () => void; onMade: (account: Account) => void }): JSX.Element {
  const [name, setName] = useState("");
  const [problems, setProblems] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblems({});
    setFailure("");
    try {
      onMade(await operator.create({ name }));
      return;
    } catch (error) {
      if (error instanceof ApiError && Object.keys(error.errors).length) setProblems(error.errors);
      else setFailure(words(error as Error));
    }
    setBusy(false);
  };
  return (
    <Dialog title="New account" onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" form="new-account" busy={busy}>Create account</Button></>}>
      <form id="new-account" class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <Field label="Name" value={name} onInput={setName} problems={problems.name} hint="For people: which customer this is." autofocus />
        {failure && <Note tone="bad">{failure}</Note>}
      </form>
    </Dialog>
  );
}

function KeyDialog({ title, apiKey, onClose }: { title: JSX.Element | string; apiKey: string; onClose: () => void }): JSX.Element {
  return (
    <Dialog title={title} onClose={onClose} footer={<Button kind="primary" onClick={onClose}>I have stored it</Button>}>
      <div class="stack">
        <Note tone="warn">This key is shown <b>once</b>; only its hash is kept. Hand it to the account over a safe channel.</Note>
        <div class="secret"><code data-testid="api-key">{apiKey}</code><CopyButton text={apiKey} label="Copy key" /></div>
        <p class="muted">The account manages its webhooks with it: on this page, or through the API with <code>Authorization: Bearer …</code>.</p>
      </div>
    </Dialog>
  );
}

// --- one account ----------------------------------------------------------------------------------------------------

export function AccountDetail({ id }: { id: number }): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const account = useQuery(`account ${id}`, () => operator.account(id), kRefreshMs);
  const webhooks = useQuery(`account ${id} webhooks`, () => operator.webhooks(id), kRefreshMs);
  const health = useQuery(`account ${id} health ${range}`, () => operator.webhooksHealth(id, spanOf(range, 30)), kRefreshMs);
  const stats = useQuery(`account ${id} stats ${range}`, () => operator.accountStats(id, spanOf(range)), kRefreshMs);
  const [asking, setAsking] = useState<"off" | "regenerate" | "delete" | null>(null);
  const [key, setKey] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const back = <a class="back" href={href("accounts")}><BackIcon />Accounts</a>;
  if (account.error && !account.data) return <>{back}<div class="card"><Failure error={account.error} onRetry={account.reload} /></div></>;
  const data = account.data;
  const totals = stats.data ? sum(stats.data) : undefined;
  const setActive = async (active: boolean): Promise<void> => {
    setBusy(true);
    try {
      await operator.update(id, { is_active: active });
      invalidate();
      toast(active ? "The account is on." : "The account is off.");
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
      {back}
      <div class="head">
        <div class="titles"><h1>{data ? <Foreign>{data.name}</Foreign> : <Bone width={200} height={24} />}</h1><p class="number">Account {id}{data && <> · created <Time at={data.created_at} relative /></>}</p></div>
        <div class="actions">
          <Switch label={data?.is_active === false ? "Off" : "On"} checked={data?.is_active ?? false} disabled={!data || busy} onChange={(active) => (active ? void setActive(true) : setAsking("off"))} />
          <Button onClick={() => setAsking("regenerate")}><KeyIcon />New key</Button>
          <a class="button primary" href={href("publish", { account: id })}><SendIcon />Publish event</a>
        </div>
      </div>
      <div class="stack">
        {data && !data.is_active && <Note tone="warn">This account is off: its key is refused.</Note>}
        <section class="card" aria-label="Deliveries over time">
          <DeliveriesChart steps={stats.data} stepSeconds={spanOf(range).step} words={rangeWords(range)} />
          <div class="more" style={{ justifyContent: "space-between", padding: "10px 18px" }}>
            <Segments label="Range" value={range} options={kRanges} onChange={(value) => changeParams({ range: value })} />
            <span class="muted small number">{totals ? `${count(totals.delivered)} delivered, ${percent(totals.delivered, totals.delivered + totals.failed)} success` : ""}</span>
          </div>
        </section>
        <NeedAttention webhooks={webhooks.data} health={health.data} range={rangeWords(range)} target={null} />
        <section class="card" aria-label="Webhooks">
          <header><h2>Webhooks</h2></header>
          {webhooks.error && !webhooks.data ? <Failure error={webhooks.error} onRetry={webhooks.reload} />
            : webhooks.data?.length === 0 ? <Empty title="No webhooks">The account has not created any yet. Events that are published for it reach nobody.</Empty>
            : <WebhookTable webhooks={webhooks.data} health={health.data} target={null} />}
        </section>
        <section class="card" aria-label="Danger">
          <div class="body row wrap" style={{ justifyContent: "space-between" }}>
            <div><h3>Delete this account</h3><p class="muted small">With its key, its webhooks and their logs.</p></div>
            <Button kind="danger" onClick={() => setAsking("delete")}>Delete account</Button>
          </div>
        </section>
      </div>
      {asking === "off" && data && (
        <Confirm title={<>Switch off <Foreign>{data.name}</Foreign>?</>} action="Switch off" onClose={() => setAsking(null)} onConfirm={() => setActive(false)}>
          <p>Its key is refused from this moment on (403) until it is switched on again. Nothing is deleted.</p>
        </Confirm>
      )}
      {asking === "regenerate" && data && (
        <Confirm title="Make a new key?" action="Make a new key" onClose={() => setAsking(null)}
                 onConfirm={async () => { setKey((await operator.regenerate(id)).api_key ?? ""); setAsking(null); invalidate(); }}>
          <p>The present key of <b><Foreign>{data.name}</Foreign></b> is refused from this moment on, wherever it is used. Deliveries are not affected: they are signed with each webhook's own secret.</p>
        </Confirm>
      )}
      {asking === "delete" && data && (
        <Confirm title={<>Delete <Foreign>{data.name}</Foreign>?</>} action="Delete account" typed={data.name} onClose={() => setAsking(null)}
                 onConfirm={async () => { await operator.remove(id); setAsking(null); invalidate(); toast("The account was deleted."); navigate(href("accounts")); }}>
          <p>{webhooks.data?.length ? <><b>{plural(webhooks.data.length, "webhook")}</b> and their logs go with it. </> : "Its key dies with it. "}What waits is not sent. This cannot be undone.</p>
        </Confirm>
      )}
      {key && data && <KeyDialog title={<>The new key of <Foreign>{data.name}</Foreign></>} apiKey={key} onClose={() => setKey(null)} />}
    </>
  );
}

// --- publish --------------------------------------------------------------------------------------------------------

const kEventLimit = 256 * 1024;

export function Publish(): JSX.Element {
  const { params } = useRoute();
  const accounts = useQuery("accounts 1 100", () => operator.accounts(1, 100));
  const types = useQuery("operator events", operator.events);
  const id = Number(params.get("account")) || accounts.data?.data[0]?.id || 0;
  const event = params.get("event") ?? types.data?.[0]?.event ?? "";
  const [text, setText] = useState("");
  const [edited, setEdited] = useState(false);
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState("");
  const [result, setResult] = useState<{ id: string; deliveries: number; account: number } | null>(null);
  useEffect(() => {
    if (!edited && event) setText(example(event));
  }, [event, edited]);
  const fault = useMemo(() => payloadFault(text), [text]);
  const listed = accounts.data?.data ?? [];
  const options = listed.map((account) => ({ value: String(account.id), label: `${account.name} (${account.id})${account.is_active ? "" : ", off"}` }));
  if (id && !listed.some((account) => account.id === id)) options.push({ value: String(id), label: `Account ${id}` });

  const submit = async (submitted: Event): Promise<void> => {
    submitted.preventDefault();
    if (fault) return;
    setBusy(true);
    setProblems({});
    setFailure("");
    setResult(null);
    try {
      const body = `{"event":${JSON.stringify(event)},"data":${text}${key.trim() ? `,"idempotency_key":${JSON.stringify(key.trim())}` : ""}}`;
      setResult({ ...(await operator.publish(id, body)), account: id });
      invalidate();
    } catch (error) {
      if (error instanceof ApiError && Object.keys(error.errors).length) setProblems(error.errors);
      else setFailure(words(error as Error));
    }
    setBusy(false);
  };
  const named = new Set(["event", "data", "idempotency_key"]);
  const others = Object.entries(problems).filter(([field]) => !named.has(field)).flatMap(([, texts]) => texts);
  return (
    <>
      <div class="head"><div class="titles"><h1>Publish an event</h1><p>Delivered for real, to every webhook of the account that wants it.</p></div></div>
      {accounts.error && !accounts.data ? <div class="card"><Failure error={accounts.error} onRetry={accounts.reload} /></div> : accounts.data?.data.length === 0 ? <div class="card"><NoAccounts /></div> : (
        <form class="card" onSubmit={(submitted) => void submit(submitted)} noValidate>
          <div class="body stack">
            <div class="two">
              <Choice labelled label="Account" value={String(id || "")} options={options} onChange={(value) => changeParams({ account: value }, { replace: true })} />
              <div class="stack tight">
                <Choice labelled label="Event" value={event} options={(types.data ?? []).map((type) => ({ value: type.event, label: type.event }))}
                        onChange={(value) => { setEdited(false); changeParams({ event: value }, { replace: true }); }} />
                <span class="muted small" style={{ minHeight: "20px" }}>{types.data?.find((type) => type.event === event)?.description}</span>
              </div>
            </div>
            <div class="field">
              <div class="row" style={{ justifyContent: "space-between" }}>
                <label for="event-data" class="label">Data</label>
                <span class="row"><span class="muted small number">{bytes(byteLength(text))}</span><Button small kind="plain" disabled={!edited} onClick={() => { setEdited(false); setText(example(event)); }}>Restore example</Button></span>
              </div>
              <textarea id="event-data" class="input" rows={14} value={text} spellcheck={false} aria-invalid={fault || problems.data ? "true" : undefined} aria-describedby="data-problem"
                        onInput={(change) => { setEdited(true); setText(change.currentTarget.value); }} />
              <div class="problem" id="data-problem" role="alert" style={{ minHeight: "20px" }}>{fault || problems.data?.join(" ")}</div>
            </div>
            <Field label="Idempotency key (optional)" value={key} onInput={setKey} mono problems={problems.idempotency_key} hint="The same key within 24 hours answers with the first result and sends nothing again." />
            {problems.event && <Note tone="bad">{problems.event.join(" ")}</Note>}
            {(failure || others.length > 0) && <Note tone="bad">{[failure, ...others].filter(Boolean).join(" ")}</Note>}
            {result && (
              <div role="status">
                <Note tone={result.deliveries ? "good" : "warn"}>
                  <b>{result.deliveries ? `Accepted: ${plural(result.deliveries, "delivery", "deliveries")}.` : "Accepted, but no active webhook of this account wants this event."}</b>
                  <div class="row wrap small">Event <code>{result.id}</code><CopyButton text={result.id} /><a class="inline-link" href={href(`accounts/${result.account}`)}>Account</a></div>
                </Note>
              </div>
            )}
          </div>
          <div class="more" style={{ justifyContent: "flex-end" }}>
            <Button kind="primary" type="submit" busy={busy} disabled={!id || !event || Boolean(fault)}><SendIcon />Publish</Button>
          </div>
        </form>
      )}
    </>
  );
}

function payloadFault(text: string): string {
  if (!text.trim()) return "Data must be a JSON object.";
  if (byteLength(text) > kEventLimit) return `Data is larger than ${bytes(kEventLimit)}.`;
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? "" : "Data must be a JSON object.";
  } catch (error) {
    return `Not valid JSON: ${(error as Error).message}`;
  }
}

// --- nodes ----------------------------------------------------------------------------------------------------------

export function Nodes(): JSX.Element {
  const nodes = useQuery("nodes", operator.nodes, kQuickMs);
  const alone = nodes.error instanceof ApiError && nodes.error.status === 404;
  return (
    <>
      <div class="head"><div class="titles"><h1>Nodes</h1><p>Each node owns what it accepted, for as long as its lease lasts.</p></div></div>
      <div class="card">
        {alone || nodes.data?.length === 0 ? (
          <Empty title="This server works alone" icon={<NodesIcon class="picture" />}>It keeps everything in its embedded store. Several nodes on one PostgreSQL appear here, each with its lease.</Empty>
        ) : nodes.error && !nodes.data ? <Failure error={nodes.error} onRetry={nodes.reload} /> : (
          <div class="table-holder">
            <table class="table">
              <thead><tr><th>Node</th><th>State</th><th class="right">Lease ends</th><th class="optional right">Started</th><th class="optional right">Waiting here</th></tr></thead>
              <tbody>{!nodes.data ? <BoneRows rows={2} columns={[140, 70, 60, 80, 40]} /> : nodes.data.map((node) => <NodeRow key={String(node.id)} node={node} />)}</tbody>
            </table>
          </div>
        )}
      </div>
    </>
  );
}

function NodeRow({ node }: { node: NodeInfo }): JSX.Element {
  const left = node.lease_until ? Date.parse(node.lease_until) - Date.now() : 0;
  return (
    <tr>
      <td><div class="primary-cell"><b class="truncate"><Foreign>{node.name ?? `Node ${node.id}`}</Foreign></b><span class="sub">{node.is_self ? "answers this page" : node.version ?? ""}</span></div></td>
      <td>{left > 0 ? <span class="badge good"><span class="dot good" />Owns its lease</span> : <span class="badge bad"><span class="dot bad" />Lease ended</span>}</td>
      <td class="right">{left > 0 ? `in ${span(left)}` : node.lease_until ? <Time at={node.lease_until} relative /> : "–"}</td>
      <td class="optional right">{node.started_at ? <Time at={node.started_at} relative /> : "–"}</td>
      <td class="optional right">{node.waiting === undefined ? "–" : compact(node.waiting)}</td>
    </tr>
  );
}

