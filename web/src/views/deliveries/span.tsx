// Sends deliveries of a span of time again, their count shown first: the frame of recover and replay.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Webhook } from "../../api/types";
import { count } from "../../format";
import { useQuery } from "../../query";
import { href } from "../../router";
import { useScope } from "../../scope";
import type { Observable } from "../../store";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Moment, Segments, type Option } from "../../ui/field";
import { Note, words } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { beginOf, type Within } from "./filter";
import { sentWords, useRun, type Run, type Work } from "./run";

const kTimes: Option<Within>[] = [
  { value: "1h", label: "Last hour" }, { value: "24h", label: "24 hours" }, { value: "7d", label: "7 days" }, { value: "custom", label: "Custom" },
];

const kRecountMs = 2000; // so long after a change, which is seldom alone

export interface SpanWork extends Work {
  key: string; // of the count, among all queries
  action: string; // what its button says
  count: (since: string, until: string | null, signal: AbortSignal) => Promise<number>;
}

export interface SpanDialogProps {
  webhook: Webhook;
  changed: Observable<number>; // of the log
  onClose: () => void;
  onDone: () => void;
}

interface Props extends SpanDialogProps {
  title: string; // goes before the webhook's name
  work: SpanWork;
  explanation: string;
  counted: (found: number) => JSX.Element;
}

export function SpanDialog({ webhook, changed, title, work, explanation, counted, onClose, onDone }: Props): JSX.Element {
  const [within, setWithin] = useState<Within>("24h");
  const [from, setFrom] = useState(() => beginOf("24h"));
  const [until, setUntil] = useState("");
  const custom = within === "custom";
  const since = useMemo(() => (custom ? from : beginOf(within)), [within, from]);
  const end = custom && until ? until : null;
  const found = useQuery(`${work.key} ${since} ${end}`, (signal) => work.count(since, end, signal));
  const run = useRun(work, since, end);
  const [checking, setChecking] = useState(false);
  const [grownFrom, setGrownFrom] = useState<number | null>(null); // what was agreed to, where it has become more since
  useEffect(() => setGrownFrom(null), [since, end]);
  useRecount(found.reload, changed, run.phase === "idle");

  // Nobody sends more than was shown: where it has become more meanwhile, that is said first, once.
  const isAgreed = async (shown: number): Promise<number | null> => {
    if (grownFrom !== null) return shown;
    setChecking(true);
    const now = await found.reload();
    setChecking(false);
    if (now === undefined || now === 0) return null;
    if (now > shown) setGrownFrom(shown);
    return now > shown ? null : now;
  };
  const start = async (): Promise<void> => {
    const of = run.phase === "stopped" ? run.of : await isAgreed(found.data ?? 0);
    if (of === null) return;
    if (!(await run.go(of))) return;
    onDone();
    onClose();
  };
  const isBusy = run.phase === "going" || run.phase === "stopping";
  const label = run.phase === "stopped" ? "Go on" : found.data ? `${work.action} ${count(found.data)}` : work.action;
  return (
    <Dialog keep={isBusy} title={<>{title} <Foreign>{webhook.name}</Foreign></>} onClose={onClose} footer={
      <>
        {isBusy && work.inSteps ? <Button busy={run.phase === "stopping"} onClick={run.stop}>Stop</Button>
          : <Button onClick={onClose}>{run.phase === "idle" ? "Cancel" : "Close"}</Button>}
        <Button kind="primary" busy={isBusy || checking} disabled={!found.data || !webhook.is_active} onClick={() => void start()}>{label}</Button>
      </>
    }>
      <div class="stack">
        <p>{explanation}</p>
        <Segments label="Time" value={within} onChange={setWithin} options={kTimes} disabled={isBusy} />
        {custom && (
          <div class="moments">
            <Moment label="From" value={from} disabled={isBusy} onChange={(value) => value && setFrom(value)} />
            <Moment label="Until (empty: now)" value={until} disabled={isBusy} onChange={(value) => setUntil(value ?? "")} />
          </div>
        )}
        <div class="preview" aria-live={isBusy ? "off" : "polite"} aria-busy={found.error || found.data !== undefined ? undefined : "true"}>
          {run.phase !== "idle" ? <Standing run={run} inSteps={work.inSteps} />
            : found.error ? <Note tone="bad">{words(found.error)}</Note> : found.data === undefined ? <Note>Counting…</Note> : counted(found.data)}
        </div>
        {grownFrom !== null && run.phase === "idle" && <Note tone="warn">It was <b class="number">{count(grownFrom)}</b> a moment ago. Look once more, and press again.</Note>}
        {!webhook.is_active && <IsOff webhook={webhook} />}
        {run.problem && <Note tone="bad">{run.problem}</Note>}
      </div>
    </Dialog>
  );
}

// Counts again a moment after something changed, and at once where somebody comes back to the page.
function useRecount(recount: () => Promise<unknown>, changed: Observable<number>, isWanted: boolean): void {
  const latest = useRef(recount);
  latest.current = recount;
  useEffect(() => {
    if (!isWanted) return undefined;
    let timer = 0;
    const soon = (): void => {
      if (timer) return;
      timer = window.setTimeout(() => {
        const before = changed.get();
        void latest.current().then(() => {
          timer = 0;
          if (changed.get() !== before) soon();
        });
      }, kRecountMs);
    };
    const back = (): void => void (document.visibilityState === "visible" && latest.current());
    const stop = changed.subscribe(soon);
    window.addEventListener("focus", back);
    document.addEventListener("visibilitychange", back);
    return () => {
      stop();
      window.clearTimeout(timer);
      window.removeEventListener("focus", back);
      document.removeEventListener("visibilitychange", back);
    };
  }, [changed, isWanted]);
}

function Standing({ run, inSteps }: { run: Run; inSteps: boolean }): JSX.Element {
  if (run.phase === "stopped") return <Note tone="warn"><b>Stopped.</b> <span class="number">{sentWords(run)}</span> were queued, and go out.</Note>;
  if (!inSteps) return <Note>The server does this in one step, which cannot be stopped. If you close this it goes on, and you are told how it ended.<progress aria-label="Under way" /></Note>;
  return <Note><div class="row"><span class="number nowrap">{sentWords(run)} queued</span><progress class="grow" aria-label="Queued" value={run.sent} max={Math.max(run.sent, run.of)} /></div></Note>;
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
