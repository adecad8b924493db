import type { JSX } from "preact";
import { account } from "../api/account";
import type { WebhookHealth } from "../api/types";
import { useQuery } from "../query";
import { spanOf, toRange, wholeSpan } from "../range";
import { href, useRoute } from "../router";
import { PlusIcon, WebhookIcon } from "../ui/icons";
import { Empty } from "../ui/states";
import { NeedAttention } from "./need_attention";
import { OverviewFrame } from "./overview_frame";

const kRefreshMs = 15_000;

export function Overview(): JSX.Element {
  const range = toRange(useRoute().params.get("range"));
  const webhooks = useQuery("webhooks", account.webhooks, kRefreshMs);
  const stats = useQuery(`stats ${range}`, () => account.stats(spanOf(range)), kRefreshMs);
  const whole = useQuery(`whole ${range}`, () => account.stats(wholeSpan(range)), kRefreshMs);
  const health = useQuery(`health ${range}`, () => account.health(spanOf(range)), kRefreshMs);
  const waiting = health.data && summary(health.data);
  if (webhooks.data?.length === 0) return <Welcome />;
  return (
    <OverviewFrame range={range} steps={stats.data} whole={whole.data} pending={waiting?.pending} oldest={waiting?.oldest} needed={[webhooks, stats, health]}>
      <NeedAttention webhooks={webhooks.data} health={health.data} range={range} />
    </OverviewFrame>
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

const kSteps: { title: string; text: string }[] = [
  { title: "Create a webhook", text: "Name an https address of yours and choose the events that it wants." },
  { title: "Verify what arrives", text: "You get a secret, and code in five languages that checks each delivery with it." },
  { title: "Send a test", text: "See at once what your receiver answered. From then on, everything is on this page." },
];

function Welcome(): JSX.Element {
  return (
    <>
      <div class="head"><div class="titles"><h1>Overview</h1></div></div>
      <div class="card">
        <Empty title="Create your first webhook" icon={<WebhookIcon />} actions={<a class="button primary" href={href("webhooks/new")}><PlusIcon />New webhook</a>}>
          A webhook is an address of yours that is told when something happens. Its deliveries, success rate and latency appear here.
        </Empty>
        <ol class="steps">
          {kSteps.map(({ title, text }, i) => <li key={title}><span class="step-number" aria-hidden="true">{i + 1}</span><h3>{title}</h3><p>{text}</p></li>)}
        </ol>
      </div>
    </>
  );
}
