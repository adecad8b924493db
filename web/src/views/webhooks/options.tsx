// The options of a webhook (docs/webhook-options.md): what most leave alone. One that is to be edited here is a field of OptionsDraft,
// a line in draftOf() and in bodyOf(), a name in kOptions, and an input.
import type { JSX } from "preact";
import type { ClientCertificate, WebhookOptions } from "../../api/types";
import { fullTime, plural } from "../../format";
import { readJson, writeJson } from "../../json";
import { Button, CopyButton } from "../../ui/button";
import { Choice, Field, Problems, type Option } from "../../ui/field";
import { CrossIcon } from "../../ui/icons";
import { Foreign, Time } from "../../ui/text";

interface HeaderDraft {
  name: string;
  value: string;
  kept: boolean; // has a value that is not shown; left empty, it stays
}

// Their names in the API.
export const kOptions = ["filter", "headers", "rate_limit", "ordered", "retry_schedule", "timeout", "ed25519", "client_certificate"] as const;
export type OptionProblems = Record<(typeof kOptions)[number], string[]>;

type Order = "" | "strict";
const kOrders: Option<Order>[] = [
  { value: "", label: "as quickly as the receiver takes them" }, { value: "strict", label: "one after the other, in order" },
];

// As text: while somebody types, half of it is not yet a value.
export interface OptionsDraft {
  filter: string;
  headers: HeaderDraft[];
  rate_limit: string;
  ordered: Order;
  retry_schedule: string;
  timeout: string;
  ed25519: boolean;
  publicKey: string; // of the key that is there; empty: none
  presentCertificate: ClientCertificate[]; // none or one
  certificate: string; // PEM, that takes its place
  certificateKey: string;
}

export function draftOf(options: WebhookOptions | undefined): OptionsDraft {
  const schedule = options?.retry_schedule;
  return {
    filter: options?.filter ? writeJson(options.filter, 2) : "",
    headers: Object.keys(options?.headers ?? {}).map((name) => ({ name, value: "", kept: true })),
    rate_limit: options?.rate_limit?.toString() ?? "",
    ordered: options?.ordered ? "strict" : "",
    retry_schedule: schedule ? schedule.join(", ") || "none" : "",
    timeout: options?.timeout ?? "",
    ed25519: Boolean(options?.ed25519),
    publicKey: options?.ed25519 ?? "",
    presentCertificate: options?.client_certificate ? [options.client_certificate] : [],
    certificate: "",
    certificateKey: "",
  };
}

// What is sent of it. What is not a value goes as it was typed: the API says what is wrong with it.
export function bodyOf(draft: OptionsDraft): Record<string, unknown> {
  const headers = draft.headers.filter((one) => one.name.trim() || one.value);
  const rate = draft.rate_limit.trim();
  const schedule = draft.retry_schedule.trim();
  return {
    filter: parsed(draft.filter.trim()),
    headers: Object.fromEntries(headers.map((one) => [one.name.trim(), one.kept && !one.value ? true : one.value])),
    rate_limit: rate && Number.isFinite(Number(rate)) ? Number(rate) : rate,
    ordered: draft.ordered === "strict",
    retry_schedule: schedule === "none" ? [] : schedule && schedule.split(",").map((delay) => delay.trim()),
    timeout: draft.timeout,
    ed25519: draft.ed25519 || null,
    client_certificate: draft.certificate || draft.certificateKey ? { certificate: draft.certificate, key: draft.certificateKey }
      : draft.presentCertificate[0] ?? null,
  };
}

// The name of two headers, of which a body can say but one.
export function repeatedHeader({ headers }: OptionsDraft): string | undefined {
  const names = headers.map(({ name }) => name.trim()).filter(Boolean);
  return names.find((name, i) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < i);
}

function parsed(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    return text;
  }
}

// What is set, a few words each.
export function optionWords(options: WebhookOptions): string[] {
  const { headers, retry_schedule: retries, previous_secret_expires_at: graceUntil } = options;
  const headerCount = Object.keys(headers ?? {}).length;
  return [
    options.filter ? "only events that fit a filter" : "",
    headerCount ? plural(headerCount, "header of its own", "headers of its own") : "",
    options.rate_limit === null ? "" : `at most ${options.rate_limit} a second`,
    options.ordered ? "one after the other, in order" : "",
    retries ? (retries.length ? `retries after ${retries.join(", ")}` : "no retries") : "",
    options.timeout ? `${options.timeout} for an attempt` : "",
    options.ed25519 ? "Ed25519 signature" : "",
    options.client_certificate ? `client certificate until ${fullTime(options.client_certificate.expires_at)}` : "",
    graceUntil ? `the previous secret signs too until ${fullTime(graceUntil)}` : "",
  ].filter(Boolean);
}

export function OptionsFields({ draft, problems, onChange }: {
  draft: OptionsDraft; problems: OptionProblems; onChange: (draft: OptionsDraft) => void;
}): JSX.Element {
  const change = (part: Partial<OptionsDraft>): void => onChange({ ...draft, ...part });
  return (
    <>
      <FilterField value={draft.filter} problems={problems.filter} onInput={(filter) => change({ filter })} />
      <HeaderFields headers={draft.headers} problems={problems.headers} onChange={(headers) => change({ headers })} />
      <div class="two">
        <Field label="Deliveries a second, at most" value={draft.rate_limit} onInput={(rate_limit) => change({ rate_limit })} problems={problems.rate_limit}
               inputMode="decimal" placeholder="no limit" hint="What is more than that waits; it does not fail." />
        <Field label="Time limit of an attempt" value={draft.timeout} onInput={(timeout) => change({ timeout })} problems={problems.timeout} mono
               placeholder="as the service does" hint="From 1s to 5m." />
        <Field label="Retry after" value={draft.retry_schedule} onInput={(retry_schedule) => change({ retry_schedule })} problems={problems.retry_schedule} mono
               placeholder="as the service does" hint="Times such as 30s, 2m or 1h with commas between them, or none." />
        <div class="field">
          <Choice labelled label="Deliveries go out" value={draft.ordered} onChange={(ordered) => change({ ordered })} options={kOrders}
                  hint="In order, each waits until the one before is delivered or has failed for good, retries included." />
          <Problems id="ordered-problem" problems={problems.ordered} />
        </div>
      </div>
      <Ed25519Field draft={draft} problems={problems.ed25519} onChange={(ed25519) => change({ ed25519 })} />
      <CertificateFields draft={draft} problems={problems.client_certificate} onChange={change} />
    </>
  );
}

function Ed25519Field({ draft, problems, onChange }: { draft: OptionsDraft; problems: string[]; onChange: (ed25519: boolean) => void }): JSX.Element {
  const { ed25519, publicKey } = draft;
  return (
    <div class="field">
      <label class="check flat">
        <input type="checkbox" checked={ed25519} aria-describedby="ed25519-hint" onChange={(event) => onChange(event.currentTarget.checked)} />
        Sign with an Ed25519 key too
      </label>
      {publicKey && ed25519 && <div class="row"><code class="wrap-anywhere">{publicKey}</code><CopyButton text={publicKey} label="Copy the public key" bare /></div>}
      <div class="hint" id="ed25519-hint">
        {publicKey && !ed25519 ? "Its key will be gone; another one is made if you ask for it again."
          : "The receiver verifies with a public key, and so cannot sign itself. You see the key here once it is made."}
      </div>
      <Problems id="ed25519-problem" problems={problems} />
    </div>
  );
}

function CertificateFields({ draft, problems, onChange }: {
  draft: OptionsDraft; problems: string[]; onChange: (part: Partial<OptionsDraft>) => void;
}): JSX.Element {
  const [present] = draft.presentCertificate;
  const pem = (label: string, value: string, onInput: (text: string) => void, placeholder: string): JSX.Element => (
    <textarea class="input short" rows={3} aria-label={label} value={value} placeholder={placeholder} spellcheck={false} autoComplete="off"
              aria-invalid={problems.length ? "true" : undefined} aria-describedby={problems.length ? "certificate-hint certificate-problem" : "certificate-hint"}
              onInput={(event) => onInput(event.currentTarget.value)} />
  );
  return (
    <fieldset class="field" aria-describedby="certificate-hint">
      <legend class="label">Client certificate</legend>
      {present && (
        <div class="row wrap">
          <span class="wrap-anywhere"><Foreign>{present.subject}</Foreign>, until <Time at={present.expires_at} full /></span>
          <Button small onClick={() => onChange({ presentCertificate: [] })}>Remove<span class="visually-hidden"> the client certificate</span></Button>
        </div>
      )}
      {pem("Certificate", draft.certificate, (certificate) => onChange({ certificate }), present ? "another certificate in its place" : "-----BEGIN CERTIFICATE-----")}
      {pem("Private key of the certificate", draft.certificateKey, (certificateKey) => onChange({ certificateKey }), present ? "and its private key" : "-----BEGIN PRIVATE KEY-----")}
      <div class="hint" id="certificate-hint">In PEM, for a receiver that asks who calls (mutual TLS). The key is a secret: it is not shown again.</div>
      <Problems id="certificate-problem" problems={problems} />
    </fieldset>
  );
}

const kFilterRowsLimit = 16;
function FilterField({ value, problems, onInput }: { value: string; problems: string[]; onInput: (value: string) => void }): JSX.Element {
  return (
    <div class="field">
      <label for="filter">Only events whose data has</label>
      <textarea id="filter" class="input short" rows={Math.min(kFilterRowsLimit, value.split("\n").length + 1)} value={value} spellcheck={false} placeholder={'{"customer": {"plan": ["pro", "team"]}}'}
                aria-invalid={problems.length ? "true" : undefined} aria-describedby={problems.length ? "filter-hint filter-problem" : "filter-hint"}
                onInput={(event) => onInput(event.currentTarget.value)} />
      <div class="hint" id="filter-hint">JSON that the data has to contain; a list stands for any of its values. Empty: every event.</div>
      <Problems id="filter-problem" problems={problems} />
    </div>
  );
}

function HeaderFields({ headers, problems, onChange }: {
  headers: HeaderDraft[]; problems: string[]; onChange: (headers: HeaderDraft[]) => void;
}): JSX.Element {
  const change = (index: number, part: Partial<HeaderDraft>): void => onChange(headers.map((one, i) => (i === index ? { ...one, ...part } : one)));
  return (
    <fieldset class="field" aria-describedby={problems.length ? "headers-hint headers-problem" : "headers-hint"}>
      <legend class="label">Headers of every delivery</legend>
      {headers.map((header, index) => (
        <div class="row" key={index}>
          <input class="input mono" aria-label={`Name of header ${index + 1}`} placeholder="X-Api-Key" value={header.name} spellcheck={false}
                 aria-invalid={problems.length ? "true" : undefined} onInput={(event) => change(index, { name: event.currentTarget.value, kept: false })} />
          <input class="input mono" aria-label={`Value of header ${index + 1}`} placeholder={header.kept ? "unchanged" : "value"} value={header.value} spellcheck={false}
                 autoComplete="off" onInput={(event) => change(index, { value: event.currentTarget.value })} />
          <Button kind="plain" icon aria-label={`Remove header ${index + 1}`} title="Remove" onClick={() => onChange(headers.filter((_, i) => i !== index))}><CrossIcon /></Button>
        </div>
      ))}
      <div><Button small onClick={() => onChange([...headers, { name: "", value: "", kept: false }])}>Add header</Button></div>
      <div class="hint" id="headers-hint">Their values are secrets: they are not shown again.</div>
      <Problems id="headers-problem" problems={problems} />
    </fieldset>
  );
}
