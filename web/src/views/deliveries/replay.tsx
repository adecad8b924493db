// Sends the events of a span of time to the webhook, whether or not it got them before.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { serverNow } from "../../clock";
import { plural } from "../../format";
import { useScope } from "../../scope";
import { Note } from "../../ui/states";
import { SpanDialog, type SpanDialogProps } from "./span";

// How far it came, so that a second try after an error goes on there and sends nothing twice.
interface Progress { since: string; until: string; asked: string | null; after: number | null; sent: number }

export function ReplayDialog(props: SpanDialogProps): JSX.Element {
  const { api } = useScope();
  const { id } = props.webhook;
  const progress = useRef<Progress | null>(null);
  const run = async (since: string, asked: string | null): Promise<number> => {
    const before = progress.current;
    const at = before && before.since === since && before.asked === asked ? before
      : { since, asked, until: asked ?? new Date(serverNow()).toISOString(), after: 0, sent: 0 };
    progress.current = at;
    while (at.after !== null) {
      const step = await api.replay(id, { since, until: at.until, after_id: at.after });
      at.after = step.next_after_id;
      at.sent += step.replayed;
    }
    return at.sent;
  };
  return (
    <SpanDialog {...props} title="Replay events to"
                explanation="Sends the webhook every event of this time that it takes by its present settings, each as a new delivery, whether or not it got it before. They are dealt out over time, so that the receiver is not stormed."
                work={{
                  key: `replay ${id}`, action: "Replay", run,
                  count: (since, until) => api.countReplay(id, since, until),
                  done: (sent) => `${plural(sent, "new delivery goes", "new deliveries go")} out.`,
                }}
                counted={(found) => (found === 0 ? <Note>There is no event of this time that the webhook takes.</Note>
                  : <Note tone="warn"><b class="number">{plural(found, "event")}</b> {found === 1 ? "goes out, as a new delivery" : "go out, each as a new delivery"}.</Note>)} />
  );
}
