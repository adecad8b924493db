// One webhook: how it does, its latest deliveries, what it is set to, and what can be done about it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { account, kFromNewest } from "../../api/account";
import type { EventType, Webhook, WebhookHealth, WebhookOptions } from "../../api/types";
import { attention, deliveries, type Attention } from "../../attention";
import { invalidate, useQuery } from "../../query";
import { spanOf, toRange, wholeSpan } from "../../range";
import { href, navigate, useRoute, wayOn } from "../../router";
import { Button } from "../../ui/button";
import { DeliveriesChart } from "../../ui/chart";
import { Confirm } from "../../ui/dialog";
import { Choice, Switch, type Option } from "../../ui/field";
import { BackIcon, ChevronIcon } from "../../ui/icons";
import { useReveal } from "../../ui/once";
import { RangeChoice } from "../../ui/range_choice";
import { Bone, Failure } from "../../ui/states";
import { Foreign, Time } from "../../ui/text";
import { toast } from "../../ui/toast";
import { LatencyFigure, OutcomeFigures, WaitingFigure } from "../figures";
import { LogRows } from "../deliveries/rows";
import { usePower } from "../power";
import { optionWords } from "./options";
import { SecretDialog } from "./secret";
import { TestButton } from "./test";

const kRefreshMs = 15_000;
const kLatestMs = 5_000;
const kLatest = 6;

type Grace = "" | "1h" | "24h" | "7d";
const kGracePeriods: Option<Grace>[] = [
  { value: "", label: "stops signing at once" }, { value: "1h", label: "signs too for an hour" },
  { value: "24h", label: "signs too for a day" }, { value: "7d", label: "signs too for a week" },
];
type Asking = "off" | "regenerate" | "delete" | null;

export function WebhookDetail({ id }: { id: number }): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const webhook = useQuery(`webhook ${id}`, () => account.webhook(id), kRefreshMs);
  const stats = useQuery(`stats ${id} ${range}`, () => account.webhookStats(id, spanOf(range)), kRefreshMs);
  const whole = useQuery(`whole ${id} ${range}`, () => account.webhookStats(id, wholeSpan(range)), kRefreshMs);
  const health = useQuery(`health ${range}`, () => account.health(spanOf(range)), kRefreshMs);
  const [asking, setAsking] = useState<Asking>(null);
  const [grace, setGrace] = useState<Grace>("");
  const reveal = useReveal();
  const power = usePower("webhook", (active) => account.update(id, { is_active: active }));
  const back = <a class="back" href={href("webhooks")}><BackIcon />Webhooks</a>;
  const regenerate = async (): Promise<void> => {
    const { secret } = await account.regenerate(id, grace);
    setAsking(null);
    invalidate();
    reveal((close) => <SecretDialog title={<>The new secret of <Foreign>{webhook.data?.name ?? ""}</Foreign></>} secret={secret} webhookId={id} onClose={close} />);
  };
  if (webhook.error && !webhook.data) return <>{back}<h1 class="visually-hidden">Webhook</h1><div class="card"><Failure error={webhook.error} onRetry={webhook.reload} /></div></>;
  const hook = webhook.data;
  const one = health.data?.find((each) => each.id === id);
  const finding = hook && one ? attention(hook, one, range) : null;

  return (
    <>
      {back}
      <div class="head">
        <div class="titles">
          <h1>{hook ? <Foreign>{hook.name}</Foreign> : <Bone width={220} height={24} />}</h1>
          <p class="mono">{hook ? <Foreign>{hook.url}</Foreign> : <Bone width={320} />}</p>
        </div>
        <div class="actions">
          <Switch label={hook?.is_active === false ? "Off" : "On"} checked={hook?.is_active ?? false} disabled={!hook || power.busy}
                  onChange={(active) => (active ? power.on() : setAsking("off"))} />
          <a class="button" href={href(`webhooks/${id}/edit`)}>Edit</a>
          <TestButton id={id} />
        </div>
      </div>
      <div class="stack">
        <div class="toolbar">
          <RangeChoice range={range} />
          <Standing hook={hook} finding={finding} />
        </div>
        <dl class="figures">
          <OutcomeFigures steps={stats.data} />
          <LatencyFigure whole={whole.data} />
          <WaitingFigure pending={one?.pending} />
        </dl>
        <DeliveriesChart steps={stats.data} range={range}
                         onSelect={(from, to) => navigate(href("deliveries", { webhook: id, from: from.toISOString(), until: to.toISOString() }))} />
        <Latest id={id} />
        <div class="two">
          <Events hook={hook} id={id} />
          <section class="card" aria-label="Details">
            <header><h2>Details</h2></header>
            <div class="body stack">
              <dl class="facts">
                <dt>Id</dt><dd class="number">{id}</dd>
                <dt>Created</dt><dd>{hook ? <Time at={hook.created_at} full /> : <Bone width={120} />}</dd>
                <dt>Changed</dt><dd>{hook ? <Time at={hook.updated_at} full /> : <Bone width={120} />}</dd>
                <dt>Options</dt><dd>{hook ? <Options options={hook.options} /> : <Bone width={160} />}</dd>
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
      {asking === "off" && hook && <ConfirmOff hook={hook} health={one} onConfirm={async () => { await power.off(); setAsking(null); }} onClose={() => setAsking(null)} />}
      {asking === "regenerate" && hook && (
        <Confirm title="Regenerate the secret?" action="Regenerate secret" onClose={() => setAsking(null)} onConfirm={regenerate}>
          <div class="stack tight">
            <Choice labelled label="The present secret" value={grace} onChange={setGrace} options={kGracePeriods} />
            {grace ? <p>Until then deliveries carry both signatures in <code>webhook-signature</code>, and the receiver of <b><Foreign>{hook.name}</Foreign></b> may change over at any time. The older signature, <code>sha256=…</code>, is made with the new one at once.</p> : (
              <>
                <p>The present secret signs nothing from this moment on, retries of older deliveries included.</p>
                <p>Until the receiver of <b><Foreign>{hook.name}</Foreign></b> knows the new one, it will reject what it verifies. Those deliveries are retried, so a change within the hour loses nothing.</p>
              </>
            )}
          </div>
        </Confirm>
      )}
      {asking === "delete" && hook && <ConfirmDelete hook={hook} health={one} onClose={() => setAsking(null)} />}
    </>
  );
}

// How it stands, in a place that is there from the beginning: what comes late must not push the page away.
function Standing({ hook, finding }: { hook: Webhook | undefined; finding: Attention | null }): JSX.Element | null {
  if (!hook) return null;
  if (!hook.is_active && !finding) return <span class="standing muted"><span class="dot" />This webhook is off: events are not delivered to it.</span>;
  if (!finding) return null;
  return (
    <a class="standing" href={href("deliveries", { webhook: hook.id, ...finding.filter })}>
      <span class={`dot ${finding.tone}`} /><span><b>{hook.is_active ? finding.title : "This webhook is off"}.</b> {finding.reason}</span><ChevronIcon />
    </a>
  );
}

function Latest({ id }: { id: number }): JSX.Element {
  const latest = useQuery(`latest ${id}`, () => account.deliveries(id, { before_id: kFromNewest, per_page: kLatest }), kLatestMs);
  const all = href("deliveries", { webhook: id });
  return (
    <section class="card" aria-label="Latest deliveries">
      <header><h2>Latest deliveries</h2><a class="button small" href={all}>All deliveries</a></header>
      {latest.error && !latest.data ? <Failure error={latest.error} onRetry={latest.reload} />
        : latest.data?.data.length === 0 ? <p class="body muted">Nothing delivered yet. Send a test to see one.</p>
        : <LogRows entries={latest.data?.data} bones={kLatest} target={(entry) => href("deliveries", { webhook: id, open: entry.delivery_id })} />}
    </section>
  );
}

function Options({ options }: { options: WebhookOptions | undefined }): JSX.Element {
  const set = options ? optionWords(options) : [];
  return set.length ? <ul>{set.map((words) => <li key={words}>{words}</li>)}</ul> : <span class="muted">none of its own</span>;
}

// What a pattern stands for; else the event's own description.
function aboutEvent(name: string, types: EventType[] | undefined): string | undefined {
  if (name === "*") return "Every event";
  if (name.endsWith(".*")) return `Every event that begins with ${name.slice(0, -1)}`;
  return types?.find((type) => type.event === name)?.description;
}

function Events({ hook, id }: { hook: Webhook | undefined; id: number }): JSX.Element {
  const events = useQuery("events", account.events);
  return (
    <section class="card" aria-label="Events">
      <header><h2>Events</h2><a class="button small" href={href(`webhooks/${id}/edit`)}>Change</a></header>
      <ul class="body stack tight">
        {!hook ? <Bone width="50%" /> : hook.events.map((name) => (
          <li key={name}><span class="tag">{name}</span> <span class="muted small">{aboutEvent(name, events.data)}</span></li>
        ))}
      </ul>
    </section>
  );
}

function ConfirmOff({ hook, health, onConfirm, onClose }: {
  hook: Webhook; health: WebhookHealth | undefined; onConfirm: () => Promise<void>; onClose: () => void;
}): JSX.Element {
  const waiting = health?.pending ?? 0;
  return (
    <Confirm title={<>Switch off <Foreign>{hook.name}</Foreign>?</>} action="Switch off" onClose={onClose} onConfirm={onConfirm}>
      <p>
        New events are not delivered from this moment on. {waiting === 0 ? "Deliveries that wait end as failed."
          : <b>{deliveries(waiting)} that {waiting === 1 ? "waits ends" : "wait end"} as failed.</b>} You can recover them after switching it on again.
      </p>
    </Confirm>
  );
}

function ConfirmDelete({ hook, health, onClose }: { hook: Webhook; health: WebhookHealth | undefined; onClose: () => void }): JSX.Element {
  const logged = health ? health.pending + health.delivered + health.failed : 0;
  const remove = async (): Promise<void> => {
    const goOn = wayOn();
    await account.remove(hook.id);
    invalidate();
    toast("The webhook was deleted.");
    goOn(href("webhooks"), "instead");
  };
  return (
    <Confirm title={<>Delete <Foreign>{hook.name}</Foreign>?</>} action="Delete webhook" typed={hook.name} onClose={onClose} onConfirm={remove}>
      <p>Its log goes with it{logged ? <> (<b>{deliveries(logged)}</b>)</> : ""}, and what waits is not sent. This cannot be undone.</p>
    </Confirm>
  );
}
