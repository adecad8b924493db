// The address after `#` holds the whole state of a screen: path, filters, range and what is open. A hash needs nothing of the
// server or of a proxy in between.
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

const current = observable<Route>(parse());
window.addEventListener("hashchange", () => current.set(parse()));

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

export function navigate(target: string, options: { replace?: boolean } = {}): void {
  if (options.replace) {
    history.replaceState(null, "", target);
    current.set(parse());
  } else {
    history.pushState(null, "", target);
    current.set(parse());
  }
}

// The present address with some parameters changed; null removes one.
export function hrefWith(changes: Params): string {
  const { path, params } = route();
  return href(path.map(encodeURIComponent).join("/"), { ...Object.fromEntries(params.entries()), ...changes });
}

export function changeParams(changes: Params, options: { replace?: boolean } = {}): void {
  navigate(hrefWith(changes), options);
}
