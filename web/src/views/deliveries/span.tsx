// Sends deliveries of a span of time again, their count shown first: the frame of recover and replay.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Webhook } from "../../api/types";
import { count } from "../../format";
import { invalidate, useQuery } from "../../query";
import { href } from "../../router";
import { useScope } from "../../scope";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Moment, Segments, type Option } from "../../ui/field";
import { Note, words } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { toast } from "../../ui/toast";
import { beginOf, type Within } from "./filter";

const kTimes: Option<Within>[] = [
  { value: "1h", label: "Last hour" }, { value: "24h", label: "24 hours" }, { value: "7d", label: "7 days" }, { value: "custom", label: "Custom" },
];

export interface SpanWork {
  key: string; // of the count, among all queries
  action: string; // what its button says
  count: (since: string, until: string | null) => Promise<number>;
  run: (since: string, until: string | null) => Promise<number>; // how many go out
  done: (sent: number) => string; // said afterwards
}

export interface SpanDialogProps {
  webhook: Webhook;
  onClose: () => void;
  onDone: () => void;
}

interface Props extends SpanDialogProps {
  title: string; // goes before the webhook's name
  work: SpanWork;
  explanation: string;
  counted: (found: number) => JSX.Element;
}

export function SpanDialog({ webhook, title, work, explanation, counted, onClose, onDone }: Props): JSX.Element {
  const [within, setWithin] = useState<Within>("24h");
  const [from, setFrom] = useState(() => beginOf("24h"));
  const [until, setUntil] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const custom = within === "custom";
  const since = useMemo(() => (custom ? from : beginOf(within)), [within, from]);
  const end = custom && until ? until : null;
  const found = useQuery(`${work.key} ${since} ${end}`, () => work.count(since, end));
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem("");
    try {
      toast(work.done(await work.run(since, end)));
      invalidate();
      onDone();
      onClose();
    } catch (error) {
      setProblem(words(error as Error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={<>{title} <Foreign>{webhook.name}</Foreign></>} onClose={onClose} footer={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={busy} disabled={!found.data || !webhook.is_active} onClick={() => void run()}>{found.data ? `${work.action} ${count(found.data)}` : work.action}</Button>
      </>
    }>
      <div class="stack">
        <p>{explanation}</p>
        <Segments label="Time" value={within} onChange={setWithin} options={kTimes} />
        {custom && <div class="moments"><Moment label="From" value={from} onChange={(value) => value && setFrom(value)} /><Moment label="Until (empty: now)" value={until} onChange={(value) => setUntil(value ?? "")} /></div>}
        <div class="preview" aria-live="polite" aria-busy={found.error || found.data !== undefined ? undefined : "true"}>
          {found.error ? <Note tone="bad">{words(found.error)}</Note> : found.data === undefined ? <Note>Counting…</Note> : counted(found.data)}
        </div>
        {!webhook.is_active && <IsOff webhook={webhook} />}
        {problem && <Note tone="bad">{problem}</Note>}
      </div>
    </Dialog>
  );
}

function IsOff({ webhook }: { webhook: Webhook }): JSX.Element {
  const { asOperator } = useScope();
  return (
    <Note tone="bad">
      This webhook is off, so nothing can be sent to it. {asOperator ? "Its account may switch it on."
        : <>Switch it on first: <a class="inline-link" href={href(`webhooks/${webhook.id}`)}>open webhook</a>.</>}
    </Note>
  );
}
