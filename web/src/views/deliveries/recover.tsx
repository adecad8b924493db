// Sends everything again that failed in a span of time.
import type { JSX } from "preact";
import { deliveries } from "../../attention";
import { plural } from "../../format";
import { useScope } from "../../scope";
import { Note } from "../../ui/states";
import { SpanDialog, type SpanDialogProps } from "./span";

export function RecoverDialog(props: SpanDialogProps): JSX.Element {
  const { api } = useScope();
  const { id } = props.webhook;
  return (
    <SpanDialog {...props} title="Recover failed deliveries of"
                explanation="Sends every delivery again that failed in this time. They are dealt out over time, so that the receiver is not stormed."
                work={{
                  key: `recover ${id}`, action: "Recover", inSteps: false,
                  count: (since, until) => api.countFailed(id, since, until),
                  step: async (since, until) => ({ sent: await api.recover(id, since, until), next: null }),
                  done: (sent) => `${plural(sent, "delivery goes", "deliveries go")} out again.`,
                }}
                counted={(failed) => (failed === 0 ? <Note tone="good">Nothing failed in this time.</Note>
                  : <Note tone="warn"><b class="number">{deliveries(failed)}</b> failed in this time and will be sent again.</Note>)} />
  );
}
