import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { CheckIcon, CopyIcon, CrossIcon } from "./icons";

type ButtonProps = Omit<JSX.HTMLAttributes<HTMLButtonElement>, "class" | "onClick" | "disabled" | "type"> & {
  kind?: "primary" | "danger" | "danger solid" | "plain" | "";
  small?: boolean;
  icon?: boolean; // nothing but an icon in it
  busy?: boolean;
  disabled?: boolean;
  type?: "button" | "submit";
  form?: string;
  onClick?: (event: MouseEvent) => void;
  children?: ComponentChildren;
};

// Where `busy` is given, it does something that takes its time. Once that is done the button may stand for the next thing, to which the
// second click of a double one was not meant.
export function Button({ kind = "", small, icon, busy, disabled, type = "button", onClick, children, ...rest }: ButtonProps): JSX.Element {
  const click = busy === undefined ? onClick : (event: MouseEvent) => event.detail < 2 && onClick?.(event);
  return (
    <button type={type} class={`button ${kind}${small ? " small" : ""}${icon ? " icon" : ""}`} disabled={disabled || busy}
            aria-busy={busy ? "true" : undefined} onClick={click} {...rest}>
      {busy && <span class="spin" aria-hidden="true" />}
      {children}
    </button>
  );
}

const kCopiedMs = 1600;

export function CopyButton({ text, label = "Copy", bare }: { text: string; label?: string; bare?: boolean }): JSX.Element {
  const [outcome, setOutcome] = useState("");
  const copy = async (): Promise<void> => {
    setOutcome((await copyText(text)) ? "Copied" : "Not allowed: copy it by hand");
    window.setTimeout(() => setOutcome(""), kCopiedMs);
  };
  const Icon = outcome === "Copied" ? CheckIcon : outcome ? CrossIcon : CopyIcon;
  if (bare) return <Button small icon kind="plain" aria-label={outcome || label} title={outcome || label} onClick={() => void copy()}><Icon /></Button>;
  return (
    <Button small onClick={() => void copy()}>
      <Icon />
      <span aria-live="polite">{outcome || label}</span>
    </Button>
  );
}

// The clipboard needs a secure context; a page served over plain http on a private network falls back to the selection.
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused: below.
    }
  }
  const from = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (from?.closest("dialog") ?? document.body).append(area); // a dialog keeps the focus inside
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (from instanceof HTMLElement) from.focus();
  return done;
}
