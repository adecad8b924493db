// The address after `#` holds the whole state of a screen: path, filters, range and what is open. A hash needs nothing of the
// server or of a proxy in between.
//
// Back leads to the screen before, or closes what is open over a screen. So a screen is an entry of the history, and so is what was opened
// over it; filters, ranges, and moving on from one delivery to the next change the entry that is there.
import { observable, useObservable } from "./store";

export interface Route {
  path: string[];
  params: URLSearchParams;
}

function parse(): Route {
  const raw = location.hash.replace(/^#\/?/, "");
  const [path = "", query = ""] = raw.split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map((part) => safeDecode(part)),
    params: new URLSearchParams(query),
  };
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const kOver = "over"; // the state of an entry that was opened over the screen of the one before it
const current = observable<Route>(parse());
let isGoingBack = false;
let kept: { address: string; state: unknown } | null = null; // see stayHere
for (const kind of ["popstate", "hashchange"]) {
  window.addEventListener(kind, () => {
    isGoingBack = false;
    if (kept && kept.address !== location.href) history.pushState(kept.state, "", kept.address);
    current.set(parse());
  });
}

// Until what it returns is called, Back and Forward lead nowhere: for what is shown and cannot be shown again.
export function stayHere(): () => void {
  kept = { address: location.href, state: history.state };
  return () => void (kept = null);
}

export const useRoute = (): Route => useObservable(current);
export const route = (): Route => current.get();

export type Params = Record<string, string | number | null | undefined>;

export function href(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

// `instead`: of the present entry, which would lead to what is no more. `over`: what is opened over the present screen.
export function navigate(target: string, how: "further" | "instead" | "over" = "further"): void {
  if (how === "instead") history.replaceState(null, "", target);
  else history.pushState(how === "over" ? kOver : null, "", target);
  current.set(parse());
}

// The way on from the present screen, for what takes its time: it leads nowhere once somebody has gone to another one.
export function wayOn(): typeof navigate {
  const from = route().path.join("/");
  return (target, how) => {
    if (route().path.join("/") === from) navigate(target, how);
  };
}

// The present address with some parameters changed; null removes one.
export function hrefWith(changes: Params): string {
  const { path, params } = route();
  return href(path.map(encodeURIComponent).join("/"), { ...Object.fromEntries(params.entries()), ...changes });
}

export function changeParams(changes: Params): void {
  history.replaceState(history.state, "", hrefWith(changes));
  current.set(parse());
}

// Closes what is open over a screen: the way back where it was opened there; `changes` where somebody came by its address.
export function closeOver(changes: Params): void {
  if (history.state !== kOver) return changeParams(changes);
  if (isGoingBack) return; // closed twice in haste, which must not leave the screen
  isGoingBack = true;
  history.back();
}

// What a link does that opens something over its screen. With a key held it is a link as any other, to a tab of its own.
export function openOver(event: MouseEvent, target: string): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(target, "over");
}
