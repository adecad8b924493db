import type { ComponentChildren, JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { DownIcon } from "./icons";

type FieldProps = Omit<JSX.HTMLAttributes<HTMLInputElement>, "value" | "onInput"> & {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  problems?: string[] | undefined; // what the API says of it
  type?: string;
  mono?: boolean;
  autoComplete?: string;
  placeholder?: string;
  required?: boolean;
  inputRef?: { current: HTMLInputElement | null };
  inside?: ComponentChildren; // a control at the right end of the input
};
export function Field({ label, value, onInput, hint, problems, type = "text", mono, inputRef, inside, ...rest }: FieldProps): JSX.Element {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", problems?.length ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="input-holder">
        <input id={id} class={`input${mono ? " mono" : ""}`} type={type} value={value} {...(inputRef ? { ref: inputRef } : {})}
               aria-invalid={problems?.length ? "true" : undefined} aria-describedby={described || undefined} spellcheck={false}
               onInput={(event) => onInput(event.currentTarget.value)} {...rest} />
        {inside && <div class="inside">{inside}</div>}
      </div>
      {hint && <div class="hint" id={`${id}-hint`}>{hint}</div>}
      <Problems id={`${id}-problem`} problems={problems} />
    </div>
  );
}

export function Problems({ id, problems }: { id: string; problems?: string[] | undefined }): JSX.Element | null {
  if (!problems?.length) return null;
  return <div class="problem" id={id} role="alert">{problems.join(" ")}</div>;
}

export interface Option<T extends string> {
  value: T;
  label: string;
}

export function Choice<T extends string>({ label, value, options, onChange, labelled, hint }: {
  label: string; value: T; options: Option<T>[]; onChange: (value: T) => void; labelled?: boolean; hint?: ComponentChildren;
}): JSX.Element {
  const id = useId();
  return (
    <div class={labelled ? "field" : "choice"}>
      <label for={id} class={labelled ? "" : "visually-hidden"}>{label}</label>
      <div class="select">
        <select id={id} class="input" value={value} aria-describedby={hint ? `${id}-hint` : undefined} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
        </select>
        <DownIcon />
      </div>
      {hint !== undefined && <div class="hint" id={`${id}-hint`}>{hint}</div>}
    </div>
  );
}

export function Switch({ checked, onChange, label, disabled }: {
  checked: boolean; onChange: (checked: boolean) => void; label: string; disabled?: boolean;
}): JSX.Element {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={checked} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span class="track" aria-hidden="true" />
      <span>{label}</span>
    </label>
  );
}

export function Segments<T extends string>({ label, value, options, onChange, disabled }: {
  label: string; value: T; options: Option<T>[]; onChange: (value: T) => void; disabled?: boolean;
}): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button type="button" key={option.value} disabled={disabled} aria-pressed={option.value === value ? "true" : "false"} onClick={() => onChange(option.value)}>
          {option.label}
        </button>
      ))}
    </div>
  );
}

const kFirstYear = 1000; // before it, one is being typed: 2026 comes as 2, 20, 202
// A point in time, entered in the viewer's zone.
export function Moment({ label, value, disabled, onChange }: { label: string; value: string; disabled?: boolean; onChange: (iso: string | null) => void }): JSX.Element {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null); // as it stands there: half of it must not be replaced
  const change = (text: string): void => {
    setTyped(text);
    const at = new Date(text);
    if (!text) onChange(null);
    else if (at.getFullYear() >= kFirstYear) onChange(at.toISOString());
  };
  return (
    <span class="moment">
      <label for={id} class="muted small">{label}</label>
      <input id={id} class="input" type="datetime-local" disabled={disabled} step="1" max="9999-12-31T23:59:59" value={typed ?? toLocalInput(value)}
             onChange={(event) => change(event.currentTarget.value)} onBlur={() => setTyped(null)} />
    </span>
  );
}

function toLocalInput(iso: string): string {
  if (!iso) return "";
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
