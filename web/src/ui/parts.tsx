// The small parts that every screen is made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ApiError, Unreachable, type Status } from "../api";
import { ago, localTime, span, utcTime } from "../format";
import { observable, useObservable } from "../store";
import {
  AlertIcon, CheckIcon, ClockIcon, CopyIcon, CrossIcon, InfoIcon, PlugIcon, SearchIcon,
} from "./icons";

// --- buttons --------------------------------------------------------------------------------------------------------

type ButtonProps = Omit<JSX.HTMLAttributes<HTMLButtonElement>, "class" | "onClick" | "disabled" | "type"> & {
  kind?: "primary" | "danger" | "danger solid" | "plain" | "";
  small?: boolean;
  icon?: boolean;
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

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }): JSX.Element {
  const [done, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await copyText(text);
    setDone(true);
    window.setTimeout(() => setDone(false), 1600);
  };
  return (
    <Button small onClick={() => void copy()}>
      {done ? <CheckIcon /> : <CopyIcon />}
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

// --- fields ---------------------------------------------------------------------------------------------------------

type FieldProps = Omit<JSX.HTMLAttributes<HTMLInputElement>, "value" | "onInput"> & {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  problems?: string[] | undefined;
  type?: string;
  mono?: boolean;
  autoComplete?: string;
  placeholder?: string;
  required?: boolean;
  inputRef?: { current: HTMLInputElement | null };
};
export function Field({ label, value, onInput, hint, problems, type = "text", mono, inputRef, ...rest }: FieldProps): JSX.Element {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", problems?.length ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} class={`input${mono ? " mono" : ""}`} type={type} value={value} {...(inputRef ? { ref: inputRef } : {})}
             aria-invalid={problems?.length ? "true" : undefined} aria-describedby={described || undefined} spellcheck={false}
             onInput={(event) => onInput(event.currentTarget.value)} {...rest} />
      {hint && <div class="hint" id={`${id}-hint`}>{hint}</div>}
      <Problems id={`${id}-problem`} problems={problems} />
    </div>
  );
}

export function Problems({ id, problems }: { id: string; problems?: string[] | undefined }): JSX.Element | null {
  if (!problems?.length) return null;
  return <div class="problem" id={id} role="alert">{problems.join(" ")}</div>;
}

export function Choice<T extends string>({ label, value, options, onChange, small, labelled }: {
  label: string; value: T; options: { value: T; label: string }[]; onChange: (value: T) => void; small?: boolean; labelled?: boolean;
}): JSX.Element {
  const id = useId();
  return (
    <div class={labelled ? "field" : "row"}>
      <label for={id} class={labelled ? "" : "visually-hidden"}>{label}</label>
      <select id={id} class={`input${small ? " small" : ""}`} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      </select>
    </div>
  );
}

export function Switch({ checked, onChange, label, disabled, hideLabel }: {
  checked: boolean; onChange: (checked: boolean) => void; label: string; disabled?: boolean; hideLabel?: boolean;
}): JSX.Element {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={checked} disabled={disabled}
             onChange={(event) => onChange(event.currentTarget.checked)} />
      <span class="track" aria-hidden="true" />
      <span class={hideLabel ? "visually-hidden" : ""}>{label}</span>
    </label>
  );
}

export function Segments<T extends string>({ label, value, options, onChange }: {
  label: string; value: T; options: { value: T; label: string }[]; onChange: (value: T) => void;
}): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button type="button" key={option.value} aria-pressed={option.value === value ? "true" : "false"} onClick={() => onChange(option.value)}>
          {option.label}
        </button>
      ))}
    </div>
  );
}

// --- words and marks ------------------------------------------------------------------------------------------------

export function StatusBadge({ status }: { status: Status }): JSX.Element {
  if (status === "delivered") return <span class="badge good"><CheckIcon />Delivered</span>;
  if (status === "failed") return <span class="badge bad"><CrossIcon />Failed</span>;
  return <span class="badge warn"><ClockIcon />Pending</span>;
}

// A moment in the viewer's own zone; the exact moment in UTC is its title.
export function Time({ at, relative }: { at: string; relative?: boolean }): JSX.Element {
  useSecond(relative ?? false);
  return <time class="number" dateTime={at} title={utcTime(at)}>{relative ? ago(at) : localTime(at)}</time>;
}

// `in 1 min 20 s`, counting down.
export function Countdown({ to }: { to: string }): JSX.Element {
  useSecond(true);
  const left = Date.parse(to) - Date.now();
  return <time class="number" dateTime={to} title={utcTime(to)}>{left > 0 ? `in ${span(left)}` : "any moment now"}</time>;
}

const second = observable(0);
window.setInterval(() => document.visibilityState === "visible" && second.set(second.get() + 1), 1000);
function useSecond(wanted: boolean): void {
  const [, redraw] = useState(0);
  useEffect(() => (wanted ? second.subscribe(() => redraw((n) => n + 1)) : undefined), [wanted]);
}

// Characters that are not seen but change how what stands around them is read: direction overrides, isolates, control codes.
const kInvisible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
export const visible = (text: string): string =>
  text.replace(kInvisible, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

// Text that somebody else wrote: isolated, so that it cannot rearrange what stands around it, and with nothing hidden in it.
export const Foreign = ({ children }: { children: string }): JSX.Element => <bdi>{visible(children)}</bdi>;

export function Figure({ label, value, unit, note, tone }: {
  label: string; value: ComponentChildren; unit?: string; note?: ComponentChildren; tone?: "bad" | "warn";
}): JSX.Element {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd class={`value ${tone ?? ""}`}>{value}{unit && <small> {unit}</small>}</dd>
      {note !== undefined && <dd class="remark">{note}</dd>}
    </div>
  );
}

export const Bone = ({ width, height = 14 }: { width: number | string; height?: number }): JSX.Element => (
  <span class="bone" style={{ width: typeof width === "number" ? `${width}px` : width, height: `${height}px` }} aria-hidden="true" />
);

export function BoneRows({ rows, columns }: { rows: number; columns: (number | null)[] }): JSX.Element {
  return (
    <>
      {Array.from({ length: rows }, (_, row) => (
        <tr key={row} aria-hidden="true">
          {columns.map((width, column) => (
            <td key={column} class={column > 1 && column < columns.length - 1 ? "optional" : ""}>{width !== null && <Bone width={width} />}</td>
          ))}
        </tr>
      ))}
    </>
  );
}

export function Spark({ points, label }: { points: { good: number; bad: number }[]; label: string }): JSX.Element {
  const top = Math.max(1, ...points.map((point) => point.good + point.bad));
  const width = 132 / Math.max(1, points.length);
  return (
    <svg class="spark" viewBox="0 0 132 28" preserveAspectRatio="none" role="img" aria-label={label}>
      {points.map((point, i) => {
        const bad = (point.bad / top) * 27;
        const good = (point.good / top) * 27;
        const x = i * width;
        const bar = Math.max(1, width - 1);
        return (
          <g key={i}>
            {point.good + point.bad === 0 && <rect class="none" x={x} y={26} width={bar} height={2} />}
            {point.bad > 0 && <rect class="bad" x={x} y={28 - Math.max(2, bad)} width={bar} height={Math.max(2, bad)} />}
            {point.good > 0 && <rect class="good" x={x} y={28 - Math.max(point.bad > 0 ? 2 : 0, bad) - Math.max(1.5, good)} width={bar} height={Math.max(1.5, good)} />}
          </g>
        );
      })}
    </svg>
  );
}

export function Note({ tone = "", children }: { tone?: "" | "good" | "warn" | "bad"; children: ComponentChildren }): JSX.Element {
  const Icon = tone === "good" ? CheckIcon : tone === "" ? InfoIcon : AlertIcon;
  return <div class={`note ${tone}`}><Icon /><div>{children}</div></div>;
}

// --- the four states ------------------------------------------------------------------------------------------------

export function Empty({ title, children, actions, icon }: {
  title: string; children: ComponentChildren; actions?: ComponentChildren; icon?: JSX.Element;
}): JSX.Element {
  return (
    <div class="state">
      {icon}
      <h2>{title}</h2>
      <p>{children}</p>
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}

export function NoMatch({ children, onClear }: { children: ComponentChildren; onClear: () => void }): JSX.Element {
  return (
    <Empty title="Nothing matches" icon={<SearchIcon class="picture" />} actions={<Button onClick={onClear}>Clear filters</Button>}>
      {children}
    </Empty>
  );
}

export function Failure({ error, onRetry }: { error: Error; onRetry: () => void }): JSX.Element {
  const [title, words] = failureWords(error);
  return (
    <div role="alert">
      <Empty title={title} icon={error instanceof Unreachable ? <PlugIcon class="picture" /> : <AlertIcon class="picture" />}
             actions={<Button onClick={onRetry}>Try again</Button>}>
        {words}
      </Empty>
    </div>
  );
}

function failureWords(error: Error): [string, string] {
  if (error instanceof Unreachable) return ["The server cannot be reached", "The page asks again every few seconds and goes on by itself once the server answers."];
  if (error instanceof ApiError) {
    if (error.status === 429) return ["Too many requests", `This key has used up its requests for now. The page goes on by itself in ${error.retryAfterSeconds ?? "a few"} seconds.`];
    if (error.status === 404) return ["Not here", "It was deleted, or it never belonged to this account."];
    if (error.status === 403) return ["Not allowed", error.message];
    if (error.status === 503) return ["The server is busy", "It cannot reach its store at the moment. Nothing that was accepted is lost. Try again in a moment."];
    if (error.status >= 500) return ["The server failed to answer", error.message];
    return ["That did not work", error.message];
  }
  return ["That did not work", error.message];
}

export const words = (error: Error): string => (error instanceof ApiError ? error.message : failureWords(error).join(". "));

// --- dialogs --------------------------------------------------------------------------------------------------------

export function Dialog({ title, onClose, children, footer, wide, drawer, head }: {
  title: ComponentChildren; onClose: () => void; children: ComponentChildren; footer?: ComponentChildren; wide?: boolean; drawer?: boolean;
  head?: ComponentChildren;
}): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = ref.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={ref} class={drawer ? "drawer" : `dialog${wide ? " wide" : ""}`} aria-labelledby={id}
            onCancel={(event) => { event.preventDefault(); onClose(); }}
            onMouseDown={(event) => { if (ref.current && event.target === ref.current && outside(event, ref.current)) onClose(); }}>
      <header>
        <h2 id={id} class="grow wrap-anywhere">{title}</h2>
        {head}
        <Button kind="plain" icon small aria-label="Close" onClick={onClose}><CrossIcon /></Button>
      </header>
      <div class="body" tabIndex={-1}>{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}

function outside(event: MouseEvent, element: HTMLElement): boolean {
  const box = element.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

export function Confirm({ title, children, action, onConfirm, onClose, typed }: {
  title: ComponentChildren; children: ComponentChildren; action: string; onConfirm: () => Promise<void>; onClose: () => void; typed?: string;
}): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [text, setText] = useState("");
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await onConfirm();
    } catch (problem) {
      setError(words(problem as Error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} footer={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger solid" busy={busy} disabled={typed !== undefined && text.trim() !== typed.trim()} onClick={() => void confirm()}>{action}</Button>
      </>
    }>
      <div class="stack">
        {children}
        {typed !== undefined && <Field label="Type the name to confirm" value={text} onInput={setText} autoComplete="off" hint={<>The name is <bdi><b>{typed}</b></bdi></>} />}
        {error && <Note tone="bad">{error}</Note>}
      </div>
    </Dialog>
  );
}

// --- toasts ---------------------------------------------------------------------------------------------------------

const kToastMs = 4200;
const toasts = observable<{ id: number; text: string }[]>([]);
let lastToast = 0;
export function toast(text: string): void {
  const id = ++lastToast;
  toasts.set([...toasts.get().slice(-2), { id, text }]);
  window.setTimeout(() => toasts.set(toasts.get().filter((one) => one.id !== id)), kToastMs);
}
export function Toasts(): JSX.Element {
  const shown = useObservable(toasts);
  return <div class="toasts" role="status" aria-live="polite">{shown.map((one) => <div class="toast" key={one.id}>{one.text}</div>)}</div>;
}

// --- code -----------------------------------------------------------------------------------------------------------

const kHighlightLimit = 24 * 1024;

export function Code({ text, title, json, wrapped, label }: {
  text: string; title?: ComponentChildren; json?: boolean; wrapped?: boolean; label: string;
}): JSX.Element {
  return (
    <div class={`code${wrapped ? " wrapped" : ""}`}>
      <div class="bar"><span class="grow">{title}</span><CopyButton text={text} /></div>
      <pre tabIndex={0} role="region" aria-label={label} dir="ltr"><code>{json && text.length <= kHighlightLimit && isJson(text) ? highlight(visible(text)) : visible(text)}</code></pre>
    </div>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function highlight(text: string): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;
  let last = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    if (match.index > last) out.push(text.slice(last, match.index));
    if (match[1]) {
      out.push(<span class={match[2] ? "key" : "string"}>{match[1]}</span>);
      if (match[2]) out.push(match[2]);
    } else {
      out.push(<span class="literal">{match[0]}</span>);
    }
    last = pattern.lastIndex;
  }
  out.push(text.slice(last));
  return out;
}
