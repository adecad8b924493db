import type { JSX } from "preact";
import { account, type Webhook, type WebhookHealth } from "../api";
import { attention, sum } from "../attention";
import { compact, duration, percent, plural, span } from "../format";
import { useQuery } from "../query";
import { kRanges, rangeWords, spanOf, toRange, wholeSpan } from "../range";
import { changeParams, href, navigate, useRoute } from "../router";
import { CheckIcon, ChevronIcon, PlusIcon, WebhookIcon } from "../ui/icons";
import { Bone, Empty, Failure, Figure, Foreign, Segments } from "../ui/parts";
import { DeliveriesChart, retried } from "../ui/chart";

const kRefreshMs = 15_000;

export function Overview(): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const webhooks = useQuery("webhooks", account.webhooks, kRefreshMs);
  const stats = useQuery(`stats ${range}`, () => account.stats(spanOf(range)), kRefreshMs);
  const whole = useQuery(`whole ${range}`, () => account.stats(wholeSpan(range)), kRefreshMs);
  const health = useQuery(`health ${range}`, () => account.health(spanOf(range, 30)), kRefreshMs);
  const failure = [webhooks, stats, health].find((query) => query.error && !query.data);
  const picture = health.data ? summary(health.data) : undefined;
  const totals = stats.data ? sum(stats.data) : undefined;
  const latency = whole.data?.[whole.data.length - 1];

  return (
    <>
      <div class="head">
        <div class="titles"><h1>Overview</h1></div>
        <div class="actions"><Segments label="Range" value={range} options={kRanges} onChange={(value) => changeParams({ range: value })} /></div>
      </div>
      {failure?.error ? <div class="card"><Failure error={failure.error} onRetry={failure.reload} /></div> : webhooks.data?.length === 0 ? <Welcome /> : (
        <div class="stack">
          <dl class="figures">
            <Figure label="Delivered" value={totals ? compact(totals.delivered) : <Bone width={64} height={22} />}
                    note={totals ? `${compact(stats.data?.reduce((all, step) => all + retried(step), 0) ?? 0)} attempts retried` : <Bone width={100} height={12} />} />
            <Figure label="Success rate" value={totals ? percent(totals.delivered, totals.delivered + totals.failed) : <Bone width={64} height={22} />}
                    note={totals ? plural(totals.failed, "delivery", "deliveries") + " failed" : <Bone width={100} height={12} />} />
            <Figure label="Latency" value={whole.data ? duration(latency?.duration_p50_ms) : <Bone width={64} height={22} />} unit={whole.data && latency?.duration_p50_ms != null ? "p50" : ""}
                    note={whole.data ? `p95 ${duration(latency?.duration_p95_ms)}` : <Bone width={80} height={12} />} />
            <Figure label="Waiting now" value={picture ? compact(picture.pending) : <Bone width={40} height={22} />}
                    note={picture ? (picture.pending ? "to be sent or retried" : "all caught up") : <Bone width={90} height={12} />} />
            <Figure label="Oldest waiting" value={picture ? (picture.oldest ? span(Date.now() - Date.parse(picture.oldest)) : "–") : <Bone width={64} height={22} />}
                    note={picture ? (picture.oldest ? "since it was created" : "nothing waits") : <Bone width={90} height={12} />} />
          </dl>
          <section class="card" aria-label="Deliveries over time">
            <DeliveriesChart steps={stats.data} stepSeconds={spanOf(range).step} words={rangeWords(range)} />
          </section>
          <NeedAttention webhooks={webhooks.data} health={health.data} range={rangeWords(range)} />
        </div>
      )}
    </>
  );
}

function summary(all: WebhookHealth[]): { pending: number; oldest: string | null } {
  let pending = 0;
  let oldest: string | null = null;
  for (const one of all) {
    pending += one.pending;
    if (one.oldest_waiting_at && (!oldest || one.oldest_waiting_at < oldest)) oldest = one.oldest_waiting_at;
  }
  return { pending, oldest };
}

export function NeedAttention({ webhooks, health, range, target }: {
  webhooks: Webhook[] | undefined; health: WebhookHealth[] | undefined; range: string; target?: null; // null: nowhere to go, the causes are the account's own to see
}): JSX.Element {
  const byId = new Map((health ?? []).map((one) => [one.id, one]));
  const found = (webhooks ?? []).flatMap((webhook) => {
    const one = byId.get(webhook.id);
    const finding = one ? attention(webhook, one) : null;
    return finding ? [{ webhook, finding }] : [];
  }).sort((a, b) => b.finding.rank - a.finding.rank);
  return (
    <section class="card" aria-label="Needs attention">
      <header>
        <h2>Needs attention</h2>
        {webhooks && health && <span class="muted small">{found.length ? `${found.length} of ${plural(webhooks.length, "webhook")}` : plural(webhooks.length, "webhook")}</span>}
      </header>
      {!webhooks || !health ? <div class="body"><Bone width="60%" /></div> : found.length === 0 ? (
        <div class="body row"><span class="badge good"><CheckIcon />All well</span><span class="muted">No webhook failed or fell behind in the {range}.</span></div>
      ) : (
        <ul class="problem-list">
          {found.map(({ webhook, finding }) => {
            const text = (
              <>
                <span class={`dot ${finding.tone}`} />
                <span class="grow">
                  <b class="wrap-anywhere"><Foreign>{webhook.name}</Foreign></b> <span class="muted">· {finding.title}</span>
                  <span class="reason" style={{ display: "block" }}>{finding.reason}</span>
                </span>
              </>
            );
            return (
              <li key={webhook.id}>
                {target === null ? <div class="line">{text}</div> : <a class="line" href={href("deliveries", { webhook: webhook.id, ...finding.filter })}>{text}<ChevronIcon class="chevron" /></a>}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

function Welcome(): JSX.Element {
  return (
    <div class="card">
      <Empty title="Create your first webhook" icon={<WebhookIcon class="picture" />}
             actions={<button type="button" class="button primary" onClick={() => navigate(href("webhooks/new"))}><PlusIcon />New webhook</button>}>
        A webhook is an address of yours that is told when something happens. Its deliveries, success rate and latency appear here.
      </Empty>
    </div>
  );
}
