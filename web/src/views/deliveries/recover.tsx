// Sends everything again that failed in a span of time, its count shown first.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { deliveries } from "../../attention";
import { count, plural } from "../../format";
import { invalidate, useQuery } from "../../query";
import { useScope } from "../../scope";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Moment, Segments, type Option } from "../../ui/field";
import { Bone, Note, words } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { toast } from "../../ui/toast";
import { beginOf, type Within } from "./filter";

const kTimes: Option<Within>[] = [
  { value: "1h", label: "Last hour" }, { value: "24h", label: "24 hours" }, { value: "7d", label: "7 days" }, { value: "custom", label: "Custom" },
];

export function RecoverDialog({ id, name, onClose, onDone }: { id: number; name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const { api } = useScope();
  const [within, setWithin] = useState<Within>("24h");
  const [from, setFrom] = useState(() => beginOf("24h"));
  const [until, setUntil] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const custom = within === "custom";
  const since = useMemo(() => (custom ? from : beginOf(within)), [within, from]);
  const end = custom && until ? until : null;
  const failed = useQuery(`recover ${id} ${since} ${end}`, () => api.countFailed(id, since, end));
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem("");
    try {
      const recovered = await api.recover(id, since, end);
      toast(`${plural(recovered, "delivery goes", "deliveries go")} out again.`);
      invalidate();
      onDone();
      onClose();
    } catch (error) {
      setProblem(words(error as Error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={<>Recover failed deliveries of <Foreign>{name}</Foreign></>} onClose={onClose} footer={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={busy} disabled={!failed.data} onClick={() => void run()}>{failed.data ? `Recover ${count(failed.data)}` : "Recover"}</Button>
      </>
    }>
      <div class="stack">
        <p>Every delivery that failed in this time is sent again, dealt out over time so that the receiver is not stormed.</p>
        <Segments label="Time" value={within} onChange={setWithin} options={kTimes} />
        {custom && <div class="moments"><Moment label="From" value={from} onChange={(value) => value && setFrom(value)} /><Moment label="Until" value={until} onChange={(value) => setUntil(value ?? "")} /></div>}
        <div class="preview" aria-live="polite"><Preview failed={failed.data} error={failed.error} /></div>
        {problem && <Note tone="bad">{problem}</Note>}
      </div>
    </Dialog>
  );
}

function Preview({ failed, error }: { failed: number | undefined; error: Error | undefined }): JSX.Element {
  if (error) return <Note tone="bad">{words(error)}</Note>;
  if (failed === undefined) return <Note><Bone width={240} /></Note>;
  if (failed === 0) return <Note tone="good">Nothing failed in this time.</Note>;
  return <Note tone="warn"><b class="number">{deliveries(failed)}</b> failed in this time and will be sent again.</Note>;
}
