// Webhooks in a table, each with its health at a glance.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Webhook, WebhookHealth } from "../../api/types";
import { attention } from "../../attention";
import { compact, count, percent } from "../../format";
import { rangeLabel, type Range } from "../../range";
import { navigate } from "../../router";
import { sum } from "../../steps";
import { Button } from "../../ui/button";
import { PauseIcon } from "../../ui/icons";
import { Spark } from "../../ui/spark";
import { Bone, BoneRows } from "../../ui/states";
import { Foreign, Time, visible } from "../../ui/text";

const kRows = 200; // and so many more at a time: a thousand, each with its bars, take seconds to draw

// `range`: the span of the health's steps. `target`: where a row leads.
export function WebhookTable({ webhooks, health, range, target }: {
  webhooks: Webhook[] | undefined; health: WebhookHealth[] | undefined; range: Range; target: (id: number) => string;
}): JSX.Element {
  const byId = new Map((health ?? []).map((one) => [one.id, one]));
  const [limit, setLimit] = useState(kRows);
  const all = webhooks?.length ?? 0;
  return (
    <>
      <div class="table-holder">
        <table class="table">
          <thead>
            <tr>
              <th>Webhook</th><th>State</th><th class="optional right">Success, {rangeLabel(range)}</th><th class="optional">Deliveries, {rangeLabel(range)}</th>
              <th class="optional right">Waiting</th><th class="optional right">Last delivery</th>
            </tr>
          </thead>
          <tbody>
            {!webhooks ? <BoneRows rows={4} columns={[180, 70, 50, 132, 30, 90]} />
              : webhooks.slice(0, limit).map((webhook) => <Row key={webhook.id} webhook={webhook} health={byId.get(webhook.id)} range={range} target={target(webhook.id)} />)}
          </tbody>
        </table>
      </div>
      {all > limit && (
        <div class="more">
          <Button onClick={() => setLimit(limit + kRows)}>Show more</Button>
          <span class="muted small number">{count(limit)} of {count(all)}</span>
        </div>
      )}
    </>
  );
}

function Row({ webhook, health, range, target }: { webhook: Webhook; health: WebhookHealth | undefined; range: Range; target: string }): JSX.Element {
  const totals = health ? sum(health.steps) : undefined;
  const success = totals && percent(totals.delivered, totals.delivered + totals.failed);
  return (
    <tr class="link" onClick={(event) => { if (!(event.target as Element).closest("a")) navigate(target); }}>
      <td>
        <div class="primary-cell">
          <a class="truncate" href={target}><Foreign>{webhook.name}</Foreign></a>
          <span class="sub truncate mono" title={visible(webhook.url)}><Foreign>{webhook.url}</Foreign></span>
        </div>
      </td>
      <td><StateBadge webhook={webhook} health={health} range={range} /><span class="sub phone-only">{success && success !== "–" ? `${success} arrived` : ""}</span></td>
      <td class="optional right">{success ?? <Bone width={44} />}</td>
      <td class="optional">
        {health && totals ? <Spark points={health.steps.map((step) => ({ good: step.delivered, bad: step.failed_attempts }))}
                                   label={`${count(totals.delivered)} delivered, ${count(totals.retried)} attempts retried, ${count(totals.failed)} failed`} /> : <Bone width={132} height={28} />}
      </td>
      <td class="optional right">{health ? (health.pending ? compact(health.pending) : <span class="muted">0</span>) : <Bone width={24} />}</td>
      <td class="optional right nowrap">{!health ? <Bone width={90} /> : health.last_delivery ? <LastDelivery entry={health.last_delivery} /> : <span class="muted">never</span>}</td>
    </tr>
  );
}

function LastDelivery({ entry }: { entry: NonNullable<WebhookHealth["last_delivery"]> }): JSX.Element {
  const tone = entry.status === "delivered" ? "good" : entry.status === "failed" ? "bad" : "warn";
  return <span class="row end"><span class={`dot ${tone}`} role="img" aria-label={entry.status} /><Time at={entry.created_at} relative /></span>;
}

export function StateBadge({ webhook, health, range }: { webhook: Webhook; health: WebhookHealth | undefined; range: Range }): JSX.Element {
  const finding = health ? attention(webhook, health, range) : null;
  if (!webhook.is_active) return <span class={`badge ${finding ? "bad" : ""}`} title={finding?.reason}><PauseIcon />Off</span>;
  if (finding?.tone === "bad") return <span class="badge bad" title={finding.reason}><span class="dot bad" />Failing</span>;
  if (finding) return <span class="badge warn" title={finding.reason}><span class="dot warn" />Degraded</span>;
  return <span class="badge good"><span class="dot good" />Active</span>;
}
