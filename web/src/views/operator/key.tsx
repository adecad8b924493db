// The only moment at which an account's key is seen.
import type { ComponentChildren, JSX } from "preact";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Once } from "../../ui/once";
import { Note } from "../../ui/states";

export function KeyDialog({ title, apiKey, onClose }: { title: ComponentChildren; apiKey: string; onClose: () => void }): JSX.Element {
  return (
    <Dialog keep title={title} onClose={onClose} footer={<Button kind="primary" onClick={onClose}>I have stored it</Button>}>
      <div class="stack">
        <Note tone="warn">This key is shown <b>once</b>; only its hash is kept. Hand it to the account over a safe channel.</Note>
        <Once value={apiKey} name="key" testId="api-key" />
        <p class="muted">The account manages its webhooks with it: on this page, or through the API with <code>Authorization: Bearer …</code>.</p>
      </div>
    </Dialog>
  );
}
