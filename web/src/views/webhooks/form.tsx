// The form that creates and edits a webhook. A field of the API that is to be edited here is a field of WebhookFields and an input in
// one of the sections; what the API says of it comes from problemsOf().
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { account, type WebhookFields } from "../../api/account";
import { ApiError } from "../../api/http";
import type { Webhook, WebhookOptions } from "../../api/types";
import { writeJson } from "../../json";
import { invalidate, useQuery } from "../../query";
import { href, wayOn } from "../../router";
import { Button } from "../../ui/button";
import { Field, Problems, Switch } from "../../ui/field";
import { BackIcon, ChevronIcon } from "../../ui/icons";
import { useReveal } from "../../ui/once";
import { Bone, Failure, Note, words } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { toast } from "../../ui/toast";
import { EventPicker } from "./events";
import { bodyOf, draftOf, kOptions, OptionsFields, repeatedHeader, type OptionProblems } from "./options";
import { SecretDialog } from "./secret";

const kNew: WebhookFields = { name: "", url: "", events: [], is_active: true };
const fieldsOf = ({ name, url, events, is_active }: Webhook): WebhookFields => ({ name, url, events, is_active });

// The members that differ.
function changes<T extends object>(now: T, before: T): Partial<T> {
  const isChanged = (name: keyof T): boolean => writeJson(now[name]) !== writeJson(before[name]);
  return Object.fromEntries(Object.entries(now).filter(([name]) => isChanged(name as keyof T))) as Partial<T>;
}

export function NewWebhook(): JSX.Element {
  const reveal = useReveal();
  return (
    <>
      <a class="back" href={href("webhooks")}><BackIcon />Webhooks</a>
      <div class="head"><div class="titles"><h1>New webhook</h1></div></div>
      <WebhookForm initial={kNew} action="Create webhook" cancel={href("webhooks")} save={async (fields) => {
        const goOn = wayOn();
        const { id, name, secret = "" } = await account.create({ ...kNew, ...fields });
        invalidate();
        reveal((close) => <SecretDialog title={<><Foreign>{name}</Foreign> is ready</>} secret={secret} webhookId={id} onClose={() => { close(); goOn(href(`webhooks/${id}`), "instead"); }} />);
      }} />
    </>
  );
}

export function EditWebhook({ id }: { id: number }): JSX.Element {
  // A name of its own for each visit: what is changed must be what is there now, not what was read before.
  const [visit] = useState(() => Date.now());
  const webhook = useQuery(`webhook ${id} to edit at ${visit}`, () => account.webhook(id));
  const back = href(`webhooks/${id}`);
  return (
    <>
      <a class="back" href={back}><BackIcon />{webhook.data ? <Foreign>{webhook.data.name}</Foreign> : "Webhook"}</a>
      <div class="head"><div class="titles"><h1>Edit webhook</h1></div></div>
      {webhook.error && !webhook.data ? <div class="card"><Failure error={webhook.error} onRetry={webhook.reload} /></div>
        : !webhook.data ? <div class="card"><div class="body stack"><Bone width="100%" height={36} /><Bone width="100%" height={36} /><Bone width="100%" height={260} /></div></div> : (
        <WebhookForm initial={fieldsOf(webhook.data)} options={webhook.data.options} action="Save changes" cancel={back} save={async (fields) => {
          const goOn = wayOn();
          await account.update(id, fields);
          invalidate();
          toast("Saved. It holds from the next attempt on.");
          goOn(back, "instead");
        }} />
      )}
    </>
  );
}

function WebhookForm({ initial, options, action, cancel, save }: {
  initial: WebhookFields; options?: WebhookOptions | undefined; action: string; cancel: string; save: (fields: Partial<WebhookFields>) => Promise<void>;
}): JSX.Element {
  const [start] = useState(initial);
  const [fields, setFields] = useState(initial);
  const [before] = useState(() => draftOf(options));
  const [draft, setDraft] = useState(before);
  const [problems, setProblems] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const change = (part: Partial<WebhookFields>): void => setFields((before) => ({ ...before, ...part }));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setFailure("");
    const repeated = repeatedHeader(draft);
    if (repeated) return setProblems({ "options.headers": [`The header ${repeated} is there twice.`] });
    setBusy(true);
    setProblems({});
    try {
      // What is left alone stays as it is, whoever else changes it meanwhile, and with numbers that a browser would round.
      const options = changes(bodyOf(draft), bodyOf(before));
      await save({ ...changes(fields, start), ...(Object.keys(options).length > 0 && { options }) });
    } catch (error) {
      if (error instanceof ApiError && Object.keys(error.errors).length) setProblems(error.errors);
      else setFailure(words(error as Error));
    }
    setBusy(false);
  };
  useEffect(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), [problems]);

  // What the API says of a field, or of an item of a list (`events.0`). What no input took is said at the end.
  const left = new Map(Object.entries(problems));
  const problemsOf = (field: string): string[] => [...left.keys()].filter((key) => key === field || key.startsWith(`${field}.`)).flatMap((key) => {
    const texts = left.get(key) ?? [];
    left.delete(key);
    return texts;
  });
  const active = problemsOf("is_active");
  const ofOptions = Object.fromEntries(kOptions.map((name) => [name, problemsOf(`options.${name}`)])) as OptionProblems;
  const isWrong = Object.values(ofOptions).some((texts) => texts.length > 0);
  const isSet = Object.values(before).some((value) => (typeof value === "boolean" ? value : value.length > 0));
  return (
    <form ref={form} class="card" onSubmit={(event) => void submit(event)} noValidate>
      <Section title="Destination" about="Where deliveries go. A change holds from the next attempt on.">
        <Field label="Name" value={fields.name} onInput={(name) => change({ name })} problems={problemsOf("name")} placeholder="Production" hint="For people: what this address is." />
        <Field label="URL" value={fields.url} onInput={(url) => change({ url })} problems={problemsOf("url")} mono placeholder="https://example.com/webhooks" type="url"
               hint="An https address that is reachable from the public internet and answers 2xx within the time limit." />
      </Section>
      <Section title="Events" about="What it is told about. Each event that happens becomes one delivery.">
        <EventPicker chosen={fields.events} problems={problemsOf("events")} onChange={(events) => change({ events })} />
      </Section>
      <Section title="State" about="Off: nothing is delivered, and what happens meanwhile is not sent later.">
        <div class="field">
          <Switch label={fields.is_active ? "On: events are delivered" : "Off: nothing is delivered for now"} checked={fields.is_active} onChange={(is_active) => change({ is_active })} />
          <Problems id="active-problem" problems={active} />
        </div>
      </Section>
      <Section title="Advanced" about="What most leave alone: a filter, headers, limits, retries.">
        <details open={isSet || isWrong}>
          <summary><ChevronIcon />Filter, headers, limits</summary>
          <div class="fields under-summary"><OptionsFields draft={draft} problems={ofOptions} onChange={setDraft} /></div>
        </details>
      </Section>
      {(failure || left.size > 0) && <div class="body"><Note tone="bad">{[failure, ...[...left.values()].flat()].filter(Boolean).join(" ")}</Note></div>}
      <div class="form-actions">
        <a class="button" href={cancel}>Cancel</a>
        <Button kind="primary" type="submit" busy={busy}>{action}</Button>
      </div>
    </form>
  );
}

// Fields that belong together, beside what they are about.
export const Section = ({ title, about, children }: { title: string; about: string; children: ComponentChildren }): JSX.Element => (
  <div class="section">
    <div class="about"><h2>{title}</h2><p>{about}</p></div>
    <div class="fields">{children}</div>
  </div>
);
