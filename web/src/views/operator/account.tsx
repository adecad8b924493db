// One account: how its webhooks do, and what the operator may change about it.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { operator } from "../../api/operator";
import { plural } from "../../format";
import { invalidate, useQuery } from "../../query";
import { spanOf, toRange, wholeSpan } from "../../range";
import { href, useRoute, wayOn } from "../../router";
import { scopeOf, ScopeContext } from "../../scope";
import { Button } from "../../ui/button";
import { DeliveriesChart } from "../../ui/chart";
import { Confirm } from "../../ui/dialog";
import { Switch } from "../../ui/field";
import { BackIcon, KeyIcon, SendIcon } from "../../ui/icons";
import { useReveal } from "../../ui/once";
import { RangeChoice } from "../../ui/range_choice";
import { Bone, Empty, Failure, Note } from "../../ui/states";
import { Foreign, Time } from "../../ui/text";
import { toast } from "../../ui/toast";
import { Deliveries } from "../deliveries/screen";
import { InTimeFigure, LatencyFigure, OutcomeFigures, WaitingFigure } from "../figures";
import { NeedAttention } from "../need_attention";
import { usePower } from "../power";
import { WebhookTable } from "../webhooks/table";
import { KeyDialog } from "./key";
import { FirstAttemptTarget } from "./target";

const kRefreshMs = 15_000;

export function AccountDetail({ id }: { id: number }): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const scope = useMemo(() => scopeOf(id), [id]);
  const account = useQuery(`account ${id}`, () => operator.account(id), kRefreshMs);
  const webhooks = useQuery(`${scope.cache}webhooks`, scope.api.webhooks, kRefreshMs);
  const health = useQuery(`${scope.cache}health ${range}`, () => scope.api.health(spanOf(range)), kRefreshMs);
  const stats = useQuery(`${scope.cache}stats ${range}`, () => scope.api.stats(spanOf(range)), kRefreshMs);
  const whole = useQuery(`${scope.cache}whole ${range}`, () => scope.api.stats(wholeSpan(range)), kRefreshMs);
  const [asking, setAsking] = useState<"off" | "regenerate" | "delete" | null>(null);
  const reveal = useReveal();
  const power = usePower("account", (active) => operator.update(id, { is_active: active }));
  const back = <a class="back" href={href("accounts")}><BackIcon />Accounts</a>;
  if (account.error && !account.data) return <>{back}<h1 class="visually-hidden">Account</h1><div class="card"><Failure error={account.error} onRetry={account.reload} /></div></>;
  const data = account.data;
  const own = data?.is_kept_by_settings ?? false;
  const regenerate = async (): Promise<void> => {
    const { api_key } = await operator.regenerate(id);
    setAsking(null);
    invalidate();
    reveal((close) => <KeyDialog title={<>The new key of <Foreign>{data?.name ?? ""}</Foreign></>} apiKey={api_key} onClose={close} />);
  };
  const remove = async (): Promise<void> => {
    const goOn = wayOn();
    await operator.remove(id);
    setAsking(null);
    invalidate();
    toast("The account was deleted.");
    goOn(href("accounts"), "instead");
  };
  return (
    <ScopeContext.Provider value={scope}>
      {back}
      <div class="head">
        <div class="titles"><h1>{data ? <Foreign>{data.name}</Foreign> : <Bone width={200} height={24} />}</h1><p class="number">Account {id}{data && <> · created <Time at={data.created_at} relative /></>}</p></div>
        {!own && <div class="actions">
          <Switch label={data?.is_active === false ? "Off" : "On"} checked={data?.is_active ?? false} disabled={!data || power.busy} onChange={(active) => (active ? power.on() : setAsking("off"))} />
          <Button onClick={() => setAsking("regenerate")}><KeyIcon />New key</Button>
          <a class="button primary" href={href("publish", { account: id })}><SendIcon />Publish event</a>
        </div>}
      </div>
      <div class="stack">
        {own && <Note>Here is what Skyhook tells you of webhooks that were switched off, deliveries that failed for good, and accounts over their limit. The settings keep this account: no key opens it.</Note>}
        {data && !data.is_active && <Note tone="warn">This account is off: its key is refused.</Note>}
        <RangeChoice range={range} />
        <dl class="figures">
          <OutcomeFigures steps={stats.data} />
          <LatencyFigure whole={whole.data} />
          <InTimeFigure whole={whole.data} />
          <WaitingFigure pending={health.data?.reduce((all, one) => all + one.pending, 0)} />
        </dl>
        <DeliveriesChart steps={stats.data} range={range} events />
        {webhooks.data?.length !== 0 && <NeedAttention webhooks={webhooks.data} health={health.data} range={range} />}
        <section class="card" aria-label="Webhooks">
          <header><h2>Webhooks</h2></header>
          {webhooks.error && !webhooks.data ? <Failure error={webhooks.error} onRetry={webhooks.reload} />
            : webhooks.data?.length === 0 ? <Empty title="No webhooks">The account has not created any yet. Events that are published for it reach nobody.</Empty>
            : <WebhookTable webhooks={webhooks.data} health={health.data} range={range} target={(webhook) => scope.at("deliveries", { webhook })} />}
        </section>
        {data && !own && <FirstAttemptTarget account={data} />}
        {!own && <section class="card" aria-label="Danger">
          <div class="body row wrap spread">
            <div><h3>Delete this account</h3><p class="muted small">With its key, its webhooks and their logs.</p></div>
            <Button kind="danger" onClick={() => setAsking("delete")}>Delete account</Button>
          </div>
        </section>}
      </div>
      {asking === "off" && data && (
        <Confirm title={<>Switch off <Foreign>{data.name}</Foreign>?</>} action="Switch off" onClose={() => setAsking(null)} onConfirm={async () => { await power.off(); setAsking(null); }}>
          <p>Its key is refused from this moment on (403) until it is switched on again. Nothing is deleted.</p>
        </Confirm>
      )}
      {asking === "regenerate" && data && (
        <Confirm title="Make a new key?" action="Make a new key" onClose={() => setAsking(null)} onConfirm={regenerate}>
          <p>The present key of <b><Foreign>{data.name}</Foreign></b> is refused from this moment on, wherever it is used. Deliveries are not affected: they are signed with each webhook's own secret.</p>
        </Confirm>
      )}
      {asking === "delete" && data && (
        <Confirm title={<>Delete <Foreign>{data.name}</Foreign>?</>} action="Delete account" typed={data.name} onClose={() => setAsking(null)} onConfirm={remove}>
          <p>{webhooks.data?.length ? <><b>{plural(webhooks.data.length, "webhook")}</b> and their logs go with it. </> : "Its key dies with it. "}What waits is not sent. This cannot be undone.</p>
        </Confirm>
      )}
    </ScopeContext.Provider>
  );
}

// The account's deliveries, as it sees them itself.
export function AccountDeliveries({ id }: { id: number }): JSX.Element {
  const scope = useMemo(() => scopeOf(id), [id]);
  const account = useQuery(`account ${id}`, () => operator.account(id));
  return (
    <ScopeContext.Provider value={scope}>
      <a class="back" href={href(`accounts/${id}`)}><BackIcon />{account.data ? <Foreign>{account.data.name}</Foreign> : "Account"}</a>
      {account.error && !account.data ? <><h1 class="visually-hidden">Deliveries</h1><div class="card"><Failure error={account.error} onRetry={account.reload} /></div></> : <Deliveries />}
    </ScopeContext.Provider>
  );
}
