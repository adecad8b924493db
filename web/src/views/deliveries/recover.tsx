// Sends everything again that failed in a span of time.
import type { JSX } from "preact";
import { deliveries } from "../../attention";
import { useScope } from "../../scope";
import { Note } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { SpanDialog } from "./span";

export function RecoverDialog({ id, name, onClose, onDone }: { id: number; name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const { api } = useScope();
  return (
    <SpanDialog title={<>Recover failed deliveries of <Foreign>{name}</Foreign></>} onClose={onClose} onDone={onDone}
                explanation="Every delivery that failed in this time is sent again, dealt out over time so that the receiver is not stormed."
                work={{
                  key: `recover ${id}`, action: "Recover",
                  count: (since, until) => api.countFailed(id, since, until),
                  run: (since, until) => api.recover(id, since, until),
                }}
                counted={(failed) => (failed === 0 ? <Note tone="good">Nothing failed in this time.</Note>
                  : <Note tone="warn"><b class="number">{deliveries(failed)}</b> failed in this time and will be sent again.</Note>)} />
  );
}
