// Accounts in a table, each with its health at a glance.
import type { JSX } from "preact";
import type { AccountHealth } from "../../api/types";
import { accountAttention } from "../../attention";
import { compact, count, percent } from "../../format";
import { rangeLabel, type Range } from "../../range";
import { href, navigate } from "../../router";
import { sum } from "../../steps";
import { PauseIcon, PeopleIcon, PlusIcon } from "../../ui/icons";
import { BoneRows, Empty } from "../../ui/states";
import { Foreign } from "../../ui/text";

export const NoAccounts = (): JSX.Element => (
  <Empty title="No accounts yet" icon={<PeopleIcon />} actions={<a class="button primary" href={href("accounts", { create: 1 })}><PlusIcon />New account</a>}>
    An account is a customer of your platform. It has a key of its own and manages its own webhooks with it.
  </Empty>
);

// `range`: the span of the health's steps.
export function AccountTable({ accounts, range }: { accounts: AccountHealth[] | undefined; range: Range }): JSX.Element {
  return (
    <div class="table-holder">
      <table class="table">
        <thead>
          <tr>
            <th>Account</th><th>State</th><th class="optional right">Webhooks</th><th class="optional right">Delivered, {rangeLabel(range)}</th>
            <th class="optional right">Failed, {rangeLabel(range)}</th><th class="optional right">Waiting</th><th class="right">Success<span class="optional">, {rangeLabel(range)}</span></th>
          </tr>
        </thead>
        <tbody>
          {!accounts ? <BoneRows rows={4} columns={[160, 60, 24, 50, 36, 46, 36]} /> : accounts.map((account) => <Row key={account.id} account={account} />)}
        </tbody>
      </table>
    </div>
  );
}

const figure = (n: number): JSX.Element | string => (n ? compact(n) : <span class="muted">0</span>);

function Row({ account }: { account: AccountHealth }): JSX.Element {
  const target = href(`accounts/${account.id}`);
  const { delivered, failed } = sum(account.steps);
  const { active_webhooks: active, webhooks } = account;
  return (
    <tr class="link" onClick={(event) => { if (!(event.target as Element).closest("a")) navigate(target); }}>
      <td><div class="primary-cell"><a class="truncate" href={target}><Foreign>{account.name}</Foreign></a><span class="sub number">Account {account.id}</span></div></td>
      <td><AccountBadge account={account} /></td>
      <td class="optional right">{active === webhooks ? figure(webhooks) : `${count(active)} of ${count(webhooks)} on`}</td>
      <td class="optional right">{figure(delivered)}</td>
      <td class="optional right">{failed ? <b class="bad-text">{compact(failed)}</b> : figure(0)}</td>
      <td class="optional right">{figure(account.pending)}</td>
      <td class="right">{percent(delivered, delivered + failed)}</td>
    </tr>
  );
}

export function AccountBadge({ account }: { account: AccountHealth }): JSX.Element {
  if (!account.is_active) return <span class="badge"><PauseIcon />Off</span>;
  const finding = accountAttention(account);
  if (finding) return <span class={`badge ${finding.tone}`} title={finding.reason}><span class={`dot ${finding.tone}`} />{finding.tone === "bad" ? "Failing" : "Degraded"}</span>;
  return <span class="badge good"><span class="dot good" />Active</span>;
}
