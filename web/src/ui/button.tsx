import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons";

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
export function Button({ kind = "", small, icon, busy, disabled, type = "button", children, ...rest }: ButtonProps): JSX.Element {
  return (
    <button type={type} class={`button ${kind}${small ? " small" : ""}${icon ? " icon" : ""}`} disabled={disabled || busy}
            aria-busy={busy ? "true" : undefined} {...rest}>
      {busy && <span class="spin" aria-hidden="true" />}
      {children}
    </button>
  );
}

const kCopiedMs = 1600;

export function CopyButton({ text, label = "Copy", bare }: { text: string; label?: string; bare?: boolean }): JSX.Element {
  const [done, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await copyText(text);
    setDone(true);
    window.setTimeout(() => setDone(false), kCopiedMs);
  };
  const Icon = done ? CheckIcon : CopyIcon;
  if (bare) return <Button small icon kind="plain" aria-label={done ? "Copied" : label} title={label} onClick={() => void copy()}><Icon /></Button>;
  return (
    <Button small onClick={() => void copy()}>
      <Icon />
      <span aria-live="polite">{done ? "Copied" : label}</span>
    </Button>
  );
}

// The clipboard needs a secure context; a page served over plain http on a private network falls back to the selection.
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Refused: below.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]:last-of-type") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
