// Dialogs and the drawer: the platform's own dialog keeps the focus inside and gives it back.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { Field } from "./field";
import { CrossIcon } from "./icons";
import { Note, words } from "./states";
import { Foreign, visible } from "./text";
import { toast } from "./toast";

// `keep`: a click beside it does not close it, since what it shows is not seen again. The second click of whoever opened it with two never does.
export function Dialog({ title, onClose, children, footer, wide, drawer, head, keep }: {
  title: ComponentChildren; onClose: () => void; children: ComponentChildren; footer?: ComponentChildren; wide?: boolean; drawer?: boolean;
  head?: ComponentChildren; // more buttons beside Close
  keep?: boolean;
}): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    const element = ref.current;
    element?.showModal();
    // Not on Close, which comes first.
    if (!element?.querySelector("[autofocus]")) body.current?.focus();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={ref} class={drawer ? "drawer" : `dialog${wide ? " wide" : ""}`} aria-labelledby={id}
            onCancel={(event) => { event.preventDefault(); onClose(); }}
            onMouseDown={(event) => { if (!keep && event.detail === 1 && ref.current && event.target === ref.current && outside(event, ref.current)) onClose(); }}>
      <header>
        <h2 id={id} class="grow wrap-anywhere">{title}</h2>
        {head}
        <Button kind="plain" icon small aria-label="Close" onClick={onClose}><CrossIcon /></Button>
      </header>
      <div ref={body} class="body" tabIndex={-1}>{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}

function outside(event: MouseEvent, element: HTMLElement): boolean {
  const box = element.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

// Asks before something that has a consequence. `typed`: what must be typed first.
export function Confirm({ title, children, action, onConfirm, onClose, typed }: {
  title: ComponentChildren; children: ComponentChildren; action: string; onConfirm: () => Promise<void>; onClose: () => void; typed?: string;
}): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [text, setText] = useState("");
  const isThere = useRef(true);
  useEffect(() => () => void (isThere.current = false), []);
  // Nobody can type what is not seen: it may be typed as it is shown, with one space for several.
  const plain = (name: string): string => name.replace(/\s+/g, " ").trim();
  const matches = typed === undefined || [plain(typed), plain(visible(typed))].includes(plain(text));
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await onConfirm();
    } catch (problem) {
      // Whoever has closed it meanwhile is told as well.
      if (!isThere.current) toast(words(problem as Error));
      setError(words(problem as Error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} footer={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger solid" busy={busy} disabled={!matches} onClick={() => void confirm()}>{action}</Button>
      </>
    }>
      <div class="stack">
        {children}
        {typed !== undefined && <Field label="Type the name to confirm" value={text} onInput={setText} autoComplete="off" autofocus hint={<>The name is <b><Foreign>{typed}</Foreign></b></>} />}
        {error && <Note tone="bad">{error}</Note>}
      </div>
    </Dialog>
  );
}
