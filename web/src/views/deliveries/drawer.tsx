// All there is to know of one delivery, and the button that sends it again.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import type { DeliveryDetail, DeliverySettings, Entry, WebhookOptions } from "../../api/types";
import { byteLength, bytes, duration, plural, pretty, secondsOf } from "../../format";
import { invalidate, useQuery } from "../../query";
import { nextWords, reason } from "../../reasons";
import { useScope } from "../../scope";
import { Button, CopyButton } from "../../ui/button";
import { Code } from "../../ui/code";
import { Dialog } from "../../ui/dialog";
import { Segments } from "../../ui/field";
import { ClockIcon, DownIcon, RetryIcon, UpIcon } from "../../ui/icons";
import { Bone, Failure, Note, words } from "../../ui/states";
import { Countdown, StatusBadge, Time } from "../../ui/text";
import { toast } from "../../ui/toast";
import { AttemptItem, Headers, type HeaderValue } from "./attempt";

const kRefreshMs = 5000; // while it may change

// `log`: what is listed, to move through.
export function DeliveryDrawer({ webhookId, uuid, log, onMove, onClose }: {
  webhookId: number; uuid: string; log: Entry[]; onMove: (uuid: string) => void; onClose: () => void;
}): JSX.Element {
  const scope = useScope();
  const index = log.findIndex((entry) => entry.delivery_id === uuid);
  const listed = log[index];
  const [settled, setSettled] = useState(false);
  const delivery = useQuery(`delivery ${uuid}`, () => scope.api.delivery(webhookId, uuid), settled ? 0 : kRefreshMs);
  const settings = useQuery(`${scope.cache}settings`, scope.settings);
  const webhook = useQuery(`${scope.cache}webhook ${webhookId}`, () => scope.api.webhook(webhookId));
  const mark = listed ? `${listed.status} ${listed.attempt_number}` : "";
  const data = delivery.data;
  // By what is shown here: the list may know of the end before what was read did.
  useEffect(() => setSettled(data?.status === "delivered"), [data]);
  useEffect(() => {
    if (mark && data && mark !== `${data.status} ${data.attempt_number}`) delivery.reload();
  }, [mark, uuid]);
  const step = (by: number): void => {
    const next = index >= 0 ? log[index + by] : undefined;
    if (next) onMove(next.delivery_id);
  };
  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j") step(1);
      if (event.key === "k") step(-1);
    };
    window.addEventListener("keydown", keys);
    return () => window.removeEventListener("keydown", keys);
  });
  return (
    <Dialog drawer onClose={onClose}
            title={data ? <span class="row wrap"><span class="mono">{data.event_type}</span><StatusBadge status={data.status} /></span> : "Delivery"}
            head={
              <>
                <Button kind="plain" icon small aria-label="Newer delivery (k)" title="Newer (k)" disabled={index <= 0} onClick={() => step(-1)}><UpIcon /></Button>
                <Button kind="plain" icon small aria-label="Older delivery (j)" title="Older (j)" disabled={index < 0 || index >= log.length - 1} onClick={() => step(1)}><DownIcon /></Button>
              </>
            }
            footer={<Retry key={uuid} webhookId={webhookId} delivery={data} onDone={delivery.reload} />}>
      {delivery.error && !data ? <Failure error={delivery.error} onRetry={delivery.reload} /> : !data ? (
        <div class="stack"><Bone width="100%" height={64} /><Bone width="70%" /><Bone width="60%" /><Bone width="100%" height={180} /></div>
      ) : <Body delivery={data} settings={settings.data} options={webhook.data?.options} />}
    </Dialog>
  );
}

function Retry({ webhookId, delivery, onDone }: { webhookId: number; delivery: DeliveryDetail | undefined; onDone: () => void }): JSX.Element {
  const { api } = useScope();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  useEffect(() => setProblem(""), [delivery?.status, delivery?.attempt_number]);
  const retry = async (): Promise<void> => {
    if (!delivery) return;
    setBusy(true);
    setProblem("");
    try {
      await api.retry(webhookId, delivery.delivery_id);
      toast("One more attempt is on its way.");
      onDone();
      invalidate();
    } catch (error) {
      const inFlight = error instanceof ApiError && error.status === 409 && error.message.includes("in flight");
      setProblem(inFlight ? "An attempt is under way right now. Its outcome appears here in a moment." : words(error as Error));
    }
    setBusy(false);
  };
  const label = { pending: "Try now", delivered: "Send once more", failed: "Retry" }[delivery?.status ?? "failed"];
  return (
    <>
      <Button kind={delivery?.status === "failed" ? "primary" : ""} busy={busy} disabled={!delivery} onClick={() => void retry()}><RetryIcon />{label}</Button>
      {problem ? <span class="small problem grow" role="alert">{problem}</span>
        : <span class="muted small grow">{delivery?.status === "delivered" ? "The receiver already has it; it will see the same id." : ""}</span>}
    </>
  );
}

function Body({ delivery, settings, options }: {
  delivery: DeliveryDetail; settings: DeliverySettings | undefined; options: WebhookOptions | undefined;
}): JSX.Element {
  // Until the webhook's own schedule is known, nothing is said of it.
  const retries = options && (options.retry_schedule?.map(secondsOf) ?? settings?.retry_schedule_s);
  return (
    <div class="stack loose">
      <Standing delivery={delivery} retries={retries} ordered={options?.ordered ?? false} />
      <dl class="facts">
        <dt>Delivery</dt><dd class="row"><code class="grow-less">{delivery.delivery_id}</code><CopyButton bare text={delivery.delivery_id} label="Copy the delivery's id" /></dd>
        <dt>Event</dt><dd class="row"><code class="grow-less">{delivery.event_id}</code><CopyButton bare text={delivery.event_id} label="Copy the event's id" /></dd>
        <dt>Created</dt><dd><Time at={delivery.created_at} full /> <span class="muted">(<Time at={delivery.created_at} relative />)</span></dd>
        {delivery.delivered_at && <><dt>Delivered</dt><dd><Time at={delivery.delivered_at} full /> <span class="muted">({duration(Date.parse(delivery.delivered_at) - Date.parse(delivery.created_at))} after it was created)</span></dd></>}
      </dl>
      <section class="stack tight">
        <h3>{plural(delivery.attempts.length, "attempt")}</h3>
        <ol class="attempts">
          {[...delivery.attempts].reverse().map((attempt) => <AttemptItem key={attempt.number} attempt={attempt} />)}
          {delivery.attempts.length === 0 && <li class="attempt next"><span class="mark"><ClockIcon /></span><span class="muted">{delivery.status === "pending" ? "Not tried yet." : "It was never sent."}</span></li>}
        </ol>
      </section>
      <Payload text={delivery.payload} />
      <Request delivery={delivery} prefix={settings?.header_prefix ?? "X-Skylight-"} options={options} />
    </div>
  );
}

// What went along with the payload, as far as it is known: the webhook's own headers are those that it has now.
function Request({ delivery, prefix, options }: { delivery: DeliveryDetail; prefix: string; options: WebhookOptions | undefined }): JSX.Element {
  return (
    <section class="stack tight" aria-label="Request headers">
      <h3>Request headers</h3>
      <Headers headers={requestHeaders(delivery, prefix, options)} />
      <p class="muted small">A <code>traceparent</code> goes along where the publisher gave one.</p>
    </section>
  );
}

// How it stands, why, and what happens next and when.
function Standing({ delivery, retries, ordered }: { delivery: DeliveryDetail; retries: number[] | undefined; ordered: boolean }): JSX.Element {
  const last = delivery.attempts.at(-1);
  const next = nextWords(delivery, retries, ordered);
  if (delivery.status === "delivered") {
    return <Note tone="good"><b>Delivered{delivery.attempt_number > 1 ? ` at attempt ${delivery.attempt_number}` : ""}.</b> {next}</Note>;
  }
  const why = reason(delivery.error ?? last?.error, last?.response_status_code ?? null);
  const due = delivery.status === "pending" && delivery.attempt_number > 0 ? delivery.next_attempt_at : null;
  return (
    <Note tone={delivery.status === "failed" ? "bad" : "warn"}>
      {why && <p>{why}</p>}
      <p><b>Next: </b>{due && <>attempt {delivery.attempt_number + 1} <b><Countdown to={due} /></b> (<Time at={due} />). </>}{next}</p>
    </Note>
  );
}

type Form = "indented" | "sent";
function Payload({ text }: { text: string }): JSX.Element {
  const [form, setForm] = useState<Form>("indented");
  return (
    <section class="stack tight">
      <div class="row spread">
        <h3>Payload <span class="muted">{bytes(byteLength(text))}</span></h3>
        <Segments<Form> label="Form" value={form} onChange={setForm} options={[{ value: "indented", label: "Indented" }, { value: "sent", label: "As sent" }]} />
      </div>
      <Code label="Payload" json={form === "indented"} wrapped text={form === "sent" ? text : pretty(text)} title="JSON" />
    </section>
  );
}

function requestHeaders(delivery: DeliveryDetail, prefix: string, options: WebhookOptions | undefined): [string, HeaderValue][] {
  const timestamp = /"timestamp":(\d+)/.exec(delivery.payload.slice(0, 400))?.[1] ?? "";
  const own = Object.keys(options?.headers ?? {});
  return [
    ["Content-Type", "application/json"],
    ["User-Agent", { told: "Skyhook and its version" }],
    [`${prefix}Event`, delivery.event_type],
    [`${prefix}Delivery`, delivery.delivery_id],
    [`${prefix}Timestamp`, timestamp],
    [`${prefix}Signature`, { told: "sha256=…, made with the secret" }],
    ["webhook-id", delivery.delivery_id],
    ["webhook-timestamp", { told: "the time of each attempt" }],
    ["webhook-signature", { told: `v1,… ${options?.ed25519 ? "and v1a,… " : ""}made for each attempt` }],
    ...own.map((name): [string, HeaderValue] => [name, { told: "the webhook's own, its value is not shown" }]),
  ];
}
