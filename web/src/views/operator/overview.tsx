import type { JSX } from "preact";
import { operator } from "../../api/operator";
import { useQuery } from "../../query";
import { kRanges, spanOf, toRange, wholeSpan } from "../../range";
import { changeParams, href, useRoute } from "../../router";
import { DeliveriesChart } from "../../ui/chart";
import { Segments } from "../../ui/field";
import { Failure } from "../../ui/states";
import { LatencyFigure, OldestFigure, OutcomeFigures, WaitingFigure } from "../figures";
import { AccountTable, NoAccounts } from "./account_table";

const kRefreshMs = 15_000;
const kQuickMs = 5_000;
const kAccounts = 8;

export function OperatorOverview(): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const stats = useQuery("operator stats", operator.stats, kQuickMs);
  const history = useQuery(`operator history ${range}`, () => operator.history(spanOf(range)), kRefreshMs);
  const whole = useQuery(`operator whole ${range}`, () => operator.history(wholeSpan(range)), kRefreshMs);
  const accounts = useQuery(`operator accounts ${range}`, () => operator.health({ page: 1, per_page: kAccounts, order: "waiting" }, wholeSpan(range)), kRefreshMs);
  const now = stats.data;
  const failure = [stats, history].find((query) => query.error && !query.data);
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Overview</h1></div>
        <div class="actions"><Segments label="Range" value={range} options={kRanges} onChange={(value) => changeParams({ range: value }, { replace: true })} /></div>
      </div>
      {failure?.error ? <div class="card"><Failure error={failure.error} onRetry={failure.reload} /></div> : (
        <div class="stack">
          <dl class="figures">
            <OutcomeFigures steps={history.data} />
            <LatencyFigure whole={whole.data} />
            <WaitingFigure pending={now?.queue_depth} inFlight={now?.in_flight ?? 0} />
            <OldestFigure since={now?.oldest_waiting_at} />
          </dl>
          <DeliveriesChart steps={history.data} range={range} />
          <section class="card" aria-label="Accounts">
            <header><h2 class="grow">Accounts <span class="muted range-words">most waiting first</span></h2><a class="button small" href={href("accounts")}>All accounts</a></header>
            {accounts.error && !accounts.data ? <Failure error={accounts.error} onRetry={accounts.reload} />
              : accounts.data?.data.length === 0 ? <NoAccounts />
              : <AccountTable accounts={accounts.data?.data} range={range} />}
          </section>
        </div>
      )}
    </>
  );
}
