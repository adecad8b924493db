import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import licencesUrl from "../../../THIRD-PARTY-LICENSES.txt?url";
import iconUrl from "../icon.svg";
import { account } from "../api/account";
import { ApiError, Unreachable } from "../api/http";
import { operator } from "../api/operator";
import { roleOf, signedOutBecause, signIn } from "../session";
import { useObservable } from "../store";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Note, words } from "../ui/states";
import { ThemeButton } from "../ui/theme_button";

export function SignIn(): JSX.Element {
  const [key, setKey] = useState("");
  const [remember, setRemember] = useState(true);
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const because = useObservable(signedOutBecause);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Skyhook";
    input.current?.focus();
  }, []);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const given = key.trim();
    if (!given) {
      setProblem("Paste a key first.");
      input.current?.focus();
      return;
    }
    if (!/^[\x20-\x7e]+$/.test(given)) {
      setProblem("This is not a key: it has a character in it that no key has. Copy it once more.");
      input.current?.focus();
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      await (roleOf(given) === "account" ? account.check(given) : operator.check(given));
      signIn(given, remember);
    } catch (error) {
      setProblem(refusal(error as Error, given));
      setBusy(false);
      input.current?.focus();
    }
  };

  return (
    <main class="door">
      <div class="corner"><ThemeButton /></div>
      <form class="card stack" onSubmit={(event) => void submit(event)} noValidate>
        <div>
          <div class="brand"><img src={iconUrl} alt="" />Skyhook</div>
          <h1>Sign in</h1>
          <p class="muted">See what your webhooks receive, and why when they do not.</p>
        </div>
        {because && <Note tone="warn">{because}</Note>}
        <Field label="API key or operator token" value={key} onInput={setKey} type={shown ? "text" : "password"} mono autoComplete="off"
               inputRef={input} placeholder="sk_live_… or op_…" problems={problem ? [problem] : undefined}
               inside={<Button kind="plain" small aria-pressed={shown ? "true" : "false"} onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"}</Button>} />
        <label class="check flat"><input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} />Stay signed in until this tab closes</label>
        <Button kind="primary" type="submit" busy={busy}>Sign in</Button>
        <p class="muted small">The key is sent to this server only and kept in this tab at most. Accounts get theirs from the operator; the operator's token is in the server's configuration or its data directory.</p>
      </form>
      <a class="licences small" href={licencesUrl} target="_blank" rel="noreferrer">Licences</a>
    </main>
  );
}

function refusal(error: Error, key: string): string {
  if (error instanceof Unreachable) return "The server cannot be reached.";
  if (error instanceof ApiError && error.status === 401) {
    if (roleOf(key) === "account") return "This key is not accepted. It may have been replaced by a newer one.";
    return key.startsWith("op_") ? "This operator token is not accepted." : "This is neither an account's key (sk_live_…) nor the operator's token.";
  }
  if (error instanceof ApiError && error.status === 403) return `${error.message} Ask the operator of this server.`;
  return words(error);
}
