// The only moment at which a secret is seen.
import type { ComponentChildren, JSX } from "preact";
import { account } from "../../api/account";
import { useQuery } from "../../query";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Once } from "../../ui/once";
import { Note } from "../../ui/states";
import { TestButton } from "./test";
import { Verification } from "./verification";

export function SecretDialog({ title, secret, webhookId, onClose }: { title: ComponentChildren; secret: string; webhookId: number; onClose: () => void }): JSX.Element {
  const me = useQuery("me", account.me);
  return (
    <Dialog wide keep title={title} onClose={onClose} footer={
      <>
        <TestButton id={webhookId} quiet />
        <Button kind="primary" onClick={onClose}>I have stored it</Button>
      </>
    }>
      <div class="stack">
        <Note tone="warn">This secret is shown <b>once</b>. Store it where your receiver reads it, such as an environment variable.</Note>
        <Once value={secret} name="secret" testId="secret" />
        <div class="stack tight">
          <h3>Verify each delivery with it</h3>
          <Verification headerPrefix={me.data?.settings.header_prefix ?? "X-Skylight-"} />
        </div>
      </div>
    </Dialog>
  );
}
