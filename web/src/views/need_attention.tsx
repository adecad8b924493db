// The webhooks that need somebody, each a click from the deliveries that show why.
import type { JSX } from "preact";
import type { Webhook, WebhookHealth } from "../api/types";
import { attention } from "../attention";
import { plural } from "../format";
import { rangeWords, type Range } from "../range";
import { useScope } from "../scope";
import { CheckIcon, ChevronIcon } from "../ui/icons";
import { Bone } from "../ui/states";
import { Foreign } from "../ui/text";

// `range`: the span of the health's steps.
export function NeedAttention({ webhooks, health, range }: { webhooks: Webhook[] | undefined; health: WebhookHealth[] | undefined; range: Range }): JSX.Element {
  const scope = useScope();
  const byId = new Map((health ?? []).map((one) => [one.id, one]));
  const found = (webhooks ?? []).flatMap((webhook) => {
    const one = byId.get(webhook.id);
    const finding = one ? attention(webhook, one, range) : null;
    return finding ? [{ webhook, finding }] : [];
  }).sort((a, b) => b.finding.rank - a.finding.rank);
  return (
    <section class="card" aria-label="Needs attention">
      <header>
        <h2>Needs attention</h2>
        {webhooks && health && <span class="muted small">{found.length ? `${found.length} of ${plural(webhooks.length, "webhook")}` : plural(webhooks.length, "webhook")}</span>}
      </header>
      {!webhooks || !health ? <div class="body"><Bone width="60%" /></div> : found.length === 0 ? (
        <div class="body row"><span class="badge good"><CheckIcon />All well</span><span class="muted">No webhook failed or fell behind in the {rangeWords(range)}.</span></div>
      ) : (
        <ul class="problem-list">
          {found.map(({ webhook, finding }) => (
            <li key={webhook.id}>
              <a class="line" href={scope.at("deliveries", { webhook: webhook.id, ...finding.filter })}>
                <span class={`dot ${finding.tone}`} />
                <span class="grow">
                  <span class="wrap-anywhere"><b><Foreign>{webhook.name}</Foreign></b> <span class="muted">· {finding.title}</span></span>
                  <span class="reason">{finding.reason}</span>
                </span>
                <ChevronIcon class="chevron" />
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
