// A test event, sent at once and answered at once.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { account } from "../../api/account";
import type { Entry } from "../../api/types";
import { duration } from "../../format";
import { invalidate, useQuery } from "../../query";
import { reason } from "../../reasons";
import { href } from "../../router";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { SendIcon } from "../../ui/icons";
import { Bone, Note, words } from "../../ui/states";
import { Foreign, StatusBadge } from "../../ui/text";

const kBodyShown = 300; // characters

// `quiet`: beside what is not seen again, so that nothing leads away from it.
export function TestButton({ id, quiet }: { id: number; quiet?: boolean }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind={quiet ? "" : "primary"} onClick={() => setOpen(true)}><SendIcon />Send test</Button>
      {open && <TestDialog id={id} stay={quiet ?? false} onClose={() => setOpen(false)} />}
    </>
  );
}

function TestDialog({ id, stay, onClose }: { id: number; stay: boolean; onClose: () => void }): JSX.Element {
  const [entry, setEntry] = useState<Entry | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(true);
  const run = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      setEntry(await account.test(id));
      invalidate();
    } catch (problem) {
      setError(problem as Error);
    }
    setBusy(false);
  };
  useEffect(() => void run(), []);
  return (
    <Dialog title="Test delivery" onClose={onClose} footer={
      <>
        {entry && !stay && <a class="button" href={href("deliveries", { webhook: id, open: entry.delivery_id })}>Open delivery</a>}
        <Button busy={busy} onClick={() => void run()}>Send again</Button>
        <Button kind="primary" onClick={onClose}>Done</Button>
      </>
    }>
      <div class="stack test-outcome" aria-live="polite">
        {busy ? <div class="row"><span class="spin" aria-hidden="true" /><span>Sending a <span class="tag">webhook.test</span> event and waiting for the response…</span></div>
          : error ? <Note tone="bad">{words(error)}</Note>
          : entry && <Outcome id={id} entry={entry} />}
      </div>
    </Dialog>
  );
}

function Outcome({ id, entry }: { id: number; entry: Entry }): JSX.Element {
  const detail = useQuery(`delivery ${entry.delivery_id} ${entry.attempt_number}`, () => account.delivery(id, entry.delivery_id));
  const attempt = detail.data?.attempts.at(-1);
  const good = entry.status === "delivered";
  return (
    <>
      <Note tone={good ? "good" : "bad"}>
        <b>{good ? "The receiver accepted it." : "It did not arrive."}</b>{" "}
        {good ? "" : attempt ? reason(attempt.error, attempt.response_status_code) : <Bone width={200} />}
      </Note>
      <dl class="facts">
        <dt>Result</dt><dd><StatusBadge status={entry.status} /></dd>
        <dt>Response</dt><dd class="number">{entry.response_status_code ?? "none"}</dd>
        <dt>Took</dt><dd class="number">{attempt ? duration(attempt.duration_ms) : <Bone width={50} />}</dd>
        {attempt?.response_body && <><dt>Body</dt><dd class="mono wrap-anywhere"><Foreign>{attempt.response_body.slice(0, kBodyShown)}</Foreign></dd></>}
      </dl>
    </>
  );
}
