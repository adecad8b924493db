// Publishes an event for an account, from an example of each kind.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { operator } from "../../api/operator";
import { deliveries } from "../../attention";
import { exampleOf } from "../../examples";
import { byteLength, bytes } from "../../format";
import { invalidate, useQuery } from "../../query";
import { changeParams, href, useRoute } from "../../router";
import { Button, CopyButton } from "../../ui/button";
import { Choice, Field } from "../../ui/field";
import { SendIcon } from "../../ui/icons";
import { Bone, Failure, Note, words } from "../../ui/states";
import { Foreign, visible } from "../../ui/text";
import { NoAccounts } from "./account_table";

const kEventLimit = 256 * 1024;
const kRows = 12; // of the data
const kRowsLimit = 24;
const kListed = 100; // accounts that can be chosen from a list; more are named by id

interface Result {
  id: string;
  deliveries: number;
  again: boolean;
  account: number;
}

export function Publish(): JSX.Element {
  const { params } = useRoute();
  const accounts = useQuery("accounts listed", () => operator.accounts({ page: 1, per_page: kListed }));
  const listed = accounts.data?.data.filter((one) => !one.is_kept_by_settings);
  const types = useQuery("catalogue", operator.catalogue);
  const id = Number(params.get("account")) || listed?.[0]?.id || 0;
  const type = types.data?.find((one) => one.event === params.get("event")) ?? types.data?.[0];
  const event = type?.event ?? "";
  const example = type ? exampleOf(type) : "";
  const [edited, setEdited] = useState<string | null>(null); // null: the example as it is
  const text = edited ?? example;
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState("");
  const [result, setResult] = useState<Result | null>(null);
  const fault = useMemo(() => payloadFault(text), [text]);

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
  const { data: ofData, idempotency_key: ofKey, ...rest } = problems;
  const failed = [accounts, types].find((query) => query.error && !query.data);
  const others = [failure, ...Object.values(rest).flat()].filter(Boolean).join(" ");
  const dataProblem = fault || ofData?.join(" ");
  return (
    <>
      <div class="head"><div class="titles"><h1>Publish an event</h1><p>Delivered for real, to every webhook of the account that wants it.</p></div></div>
      {failed?.error ? <div class="card"><Failure error={failed.error} onRetry={failed.reload} /></div>
        : !listed || !types.data ? <div class="card narrow"><div class="body stack loose"><Bone width="100%" height={88} /><Bone width="100%" height={320} /><Bone width="100%" height={88} /></div></div> : listed.length === 0 ? <div class="card"><NoAccounts /></div> : (
        <form class="card narrow" onSubmit={(submitted) => void submit(submitted)} noValidate>
          <div class="body stack loose">
            <div class="two">
              <AccountPicker id={id} accounts={listed} total={accounts.data?.meta.total ?? 0} />
              <Choice labelled label="Event" value={event} options={types.data.map((type) => ({ value: type.event, label: type.event }))}
                      hint={type ? `${type.description}${type.is_checked ? ". Data is checked against its schema." : ""}` : "\u00a0"}
                      onChange={(value) => { setEdited(null); changeParams({ event: value }); }} />
            </div>
            <div class="field">
              <div class="row spread">
                <label for="event-data" class="label">Data</label>
                <Button small kind="plain" disabled={edited === null} onClick={() => setEdited(null)}>Restore example</Button>
              </div>
              <textarea id="event-data" class="input" rows={Math.min(kRowsLimit, Math.max(kRows, text.split("\n").length))} value={text} spellcheck={false} aria-invalid={dataProblem ? "true" : undefined} aria-describedby="data-problem"
                        onInput={(change) => setEdited(change.currentTarget.value)} />
              <div class="row spread under-data">
                <div class="problem" id="data-problem" role="alert">{dataProblem}</div>
                <span class="hint number nowrap">{bytes(byteLength(text))}</span>
              </div>
            </div>
            <Field label="Idempotency key (optional)" value={key} onInput={setKey} mono problems={ofKey} hint="The same key within 24 hours answers with the first result and sends nothing again." />
            {others && <Note tone="bad">{others}</Note>}
            {result && <Accepted result={result} />}
          </div>
          <div class="form-actions">
            <Button kind="primary" type="submit" busy={busy} disabled={!id || !event || Boolean(fault)}><SendIcon />Publish</Button>
          </div>
        </form>
      )}
    </>
  );
}

function AccountPicker({ id, accounts, total }: { id: number; accounts: { id: number; name: string; is_active: boolean }[]; total: number }): JSX.Element {
  const listed = accounts.find((account) => account.id === id);
  const named = useQuery(id && !listed ? `account ${id}` : null, () => operator.account(id));
  const choose = (value: string): void => changeParams({ account: value });
  if (total > kListed) {
    const name = listed?.name ?? named.data?.name;
    return (
      <Field label="Account id" value={String(id || "")} onInput={(value) => choose(value.replace(/\D/g, ""))} inputMode="numeric"
             hint={name ? <Foreign>{name}</Foreign> : named.error ? "There is no account with this id." : "\u00a0"} />
    );
  }
  const options = accounts.map((account) => ({ value: String(account.id), label: `${visible(account.name)}${account.is_active ? "" : " (off)"}` }));
  if (id && !listed) options.push({ value: String(id), label: visible(named.data?.name ?? `Account ${id}`) });
  return <Choice labelled label="Account" value={String(id || "")} options={options} hint={id ? `Account ${id}` : "\u00a0"} onChange={choose} />;
}

function Accepted({ result }: { result: Result }): JSX.Element {
  return (
    <div role="status">
      <Note tone={result.deliveries && !result.again ? "good" : "warn"}>
        <b>{result.again ? `Accepted before, with the same key: ${deliveries(result.deliveries)} then, and nothing was sent now.` : result.deliveries ? `Accepted: ${deliveries(result.deliveries)}.` : "Accepted, but no active webhook of this account wants this event."}</b>
        <div class="row wrap small">Event <code>{result.id}</code><CopyButton bare text={result.id} label="Copy the event's id" /><a class="inline-link" href={href(`accounts/${result.account}/deliveries`)}>See its deliveries</a></div>
      </Note>
    </div>
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
