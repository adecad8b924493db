// Sends deliveries of a span of time again, their count shown first: the frame of recover and replay.
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { count, plural } from "../../format";
import { invalidate, useQuery } from "../../query";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Moment, Segments, type Option } from "../../ui/field";
import { Bone, Note, words } from "../../ui/states";
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
}

interface Props {
  title: ComponentChildren;
  work: SpanWork;
  explanation: string;
  counted: (found: number) => JSX.Element;
  onClose: () => void;
  onDone: () => void;
}

export function SpanDialog({ title, work, explanation, counted, onClose, onDone }: Props): JSX.Element {
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
      const sent = await work.run(since, end);
      toast(`${plural(sent, "delivery goes", "deliveries go")} out again.`);
      invalidate();
      onDone();
      onClose();
    } catch (error) {
      setProblem(words(error as Error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} footer={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={busy} disabled={!found.data} onClick={() => void run()}>{found.data ? `${work.action} ${count(found.data)}` : work.action}</Button>
      </>
    }>
      <div class="stack">
        <p>{explanation}</p>
        <Segments label="Time" value={within} onChange={setWithin} options={kTimes} />
        {custom && <div class="moments"><Moment label="From" value={from} onChange={(value) => value && setFrom(value)} /><Moment label="Until" value={until} onChange={(value) => setUntil(value ?? "")} /></div>}
        <div class="preview" aria-live="polite">
          {found.error ? <Note tone="bad">{words(found.error)}</Note> : found.data === undefined ? <Note><Bone width={240} /></Note> : counted(found.data)}
        </div>
        {problem && <Note tone="bad">{problem}</Note>}
      </div>
    </Dialog>
  );
}
