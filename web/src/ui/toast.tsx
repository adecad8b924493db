// A short word at the bottom of the page about what was just done.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { observable, useObservable } from "../store";

const kToastMs = 4200;
const kShown = 3;
const toasts = observable<{ id: number; text: string }[]>([]);
let last = 0;

export function toast(text: string): void {
  const id = ++last;
  toasts.set([...toasts.get().slice(1 - kShown), { id, text }]);
  window.setTimeout(() => toasts.set(toasts.get().filter((one) => one.id !== id)), kToastMs);
}

export function Toasts(): JSX.Element {
  const shown = useObservable(toasts);
  const place = useRef<HTMLDivElement>(null);
  // Above every dialog, also one that was opened since the last.
  useEffect(() => {
    place.current?.hidePopover?.();
    if (shown.length) place.current?.showPopover?.();
  }, [shown]);
  return <div ref={place} popover="manual" class="toasts" role="status" aria-live="polite">{shown.map((one) => <div class="toast" key={one.id}>{one.text}</div>)}</div>;
}
