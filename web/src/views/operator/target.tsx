// How soon an account's events are to be on their way.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { operator } from "../../api/operator";
import type { Account } from "../../api/types";
import { invalidate } from "../../query";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { words } from "../../ui/states";
import { toast } from "../../ui/toast";

export function FirstAttemptTarget({ account }: { account: Account }): JSX.Element {
  const [value, setValue] = useState(account.first_attempt_target ?? "");
  const [problems, setProblems] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblems([]);
    try {
      const changed = await operator.update(account.id, { first_attempt_target: value.trim() || null });
      setValue(changed.first_attempt_target ?? "");
      invalidate();
      toast(changed.first_attempt_target ? "The target was saved." : "The account has no target of its own any more.");
    } catch (error) {
      setProblems(error instanceof ApiError && error.errors.first_attempt_target ? error.errors.first_attempt_target : [words(error as Error)]);
    }
    setBusy(false);
  };
  return (
    <section class="card" aria-label="Target">
      <form class="body row wrap spread" onSubmit={submit}>
        <div class="what"><h3>Target for first attempts</h3><p class="muted small">How soon after its publish an event's first attempt begins. The share that does is among the figures above.</p></div>
        <div class="beside">
          <Field label="First attempts begin within" value={value} onInput={setValue} problems={problems} placeholder="the service's target" mono
                 hint={<>Such as <code>500ms</code> or <code>2s</code>. Empty: the service's, if any.</>} />
          <Button type="submit" disabled={busy || value.trim() === (account.first_attempt_target ?? "")}>Save target</Button>
        </div>
      </form>
    </section>
  );
}
