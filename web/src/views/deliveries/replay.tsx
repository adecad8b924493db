// Sends the events of a span of time to the webhook, whether or not it got them before.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { count, plural } from "../../format";
import { useScope } from "../../scope";
import { Note } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { SpanDialog } from "./span";

// How far it came, so that a second try after an error goes on there and sends nothing twice.
interface Progress { since: string; until: string; asked: string | null; after: number | null; sent: number }

export function ReplayDialog({ id, name, onClose, onDone }: { id: number; name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const { api } = useScope();
  const progress = useRef<Progress | null>(null);
  const run = async (since: string, asked: string | null): Promise<number> => {
    const before = progress.current;
    const at = before && before.since === since && before.asked === asked ? before
      : { since, asked, until: asked ?? new Date().toISOString(), after: 0, sent: 0 };
    progress.current = at;
    while (at.after !== null) {
      const step = await api.replay(id, { since, until: at.until, after_id: at.after });
      at.after = step.next_after_id;
      at.sent += step.replayed;
    }
    return at.sent;
  };
  return (
    <SpanDialog title={<>Replay events to <Foreign>{name}</Foreign></>} onClose={onClose} onDone={onDone}
                explanation="Every event of this time that the webhook takes by its present settings is sent to it in a new delivery, whether or not it got it before, dealt out over time so that the receiver is not stormed."
                work={{ key: `replay ${id}`, action: "Replay", count: (since, until) => api.countReplay(id, since, until), run }}
                counted={(found) => (found === 0 ? <Note>The webhook takes no event of this time.</Note>
                  : <Note tone="warn"><b class="number">{plural(found, "event", "events")}</b> of this time {found === 1 ? "is" : "are"} sent in {found === 1 ? "a new delivery" : `${count(found)} new deliveries`}.</Note>)} />
  );
}
