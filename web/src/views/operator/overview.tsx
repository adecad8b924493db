import type { JSX } from "preact";
import { operator } from "../../api/operator";
import { useQuery } from "../../query";
import { spanOf, toRange, wholeSpan } from "../../range";
import { href, useRoute } from "../../router";
import { Failure } from "../../ui/states";
import { OverviewFrame } from "../overview_frame";
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
  return (
    <OverviewFrame range={range} steps={history.data} whole={whole.data} pending={now?.queue_depth} inFlight={now?.in_flight ?? 0}
                   oldest={now?.oldest_waiting_at} needed={[stats, history]}>
      <section class="card" aria-label="Accounts">
        <header><h2 class="grow">Accounts <span class="muted range-words">most waiting first</span></h2><a class="button small" href={href("accounts")}>All accounts</a></header>
        {accounts.error && !accounts.data ? <Failure error={accounts.error} onRetry={accounts.reload} />
          : accounts.data?.data.length === 0 ? <NoAccounts />
          : <AccountTable accounts={accounts.data?.data} range={range} />}
      </section>
    </OverviewFrame>
  );
}
