// Sends the events of a span of time to the webhook, whether or not it got them before.
import type { JSX } from "preact";
import { plural } from "../../format";
import { useScope } from "../../scope";
import { Note } from "../../ui/states";
import { SpanDialog, type SpanDialogProps } from "./span";

export function ReplayDialog(props: SpanDialogProps): JSX.Element {
  const { api } = useScope();
  const { id } = props.webhook;
  return (
    <SpanDialog {...props} title="Replay events to"
                explanation="Sends the webhook every event of this time that it takes by its present settings, each as a new delivery, whether or not it got it before. They are dealt out over time, so that the receiver is not stormed."
                work={{
                  key: `replay ${id}`, action: "Replay", inSteps: true,
                  count: (since, until, signal) => api.countReplay(id, since, until, signal),
                  step: async (since, until, after) => {
                    const { replayed, next_after_id } = await api.replay(id, { since, until, after_id: after });
                    return { sent: replayed, next: next_after_id };
                  },
                  done: (sent) => `${plural(sent, "new delivery goes", "new deliveries go")} out.`,
                }}
                counted={(found) => (found === 0 ? <Note>There is no event of this time that the webhook takes.</Note>
                  : <Note tone="warn"><b class="number">{plural(found, "event")}</b> {found === 1 ? "goes out, as a new delivery" : "go out, each as a new delivery"}.</Note>)} />
  );
}
