// Numbers, times and durations as people read them.
import { serverNow } from "./clock";

const kCount = new Intl.NumberFormat("en-US");
const kCompact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export const count = (n: number): string => kCount.format(n);
export const compact = (n: number): string => (Math.abs(n) < 10_000 ? kCount.format(n) : kCompact.format(n));
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

export function percent(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const share = (part / whole) * 100;
  if (share === 100) return "100%";
  if (part > 0 && share < 0.1) return "<0.1%";
  // Never rounds a loss away: 99.999 % is not 100 %.
  const shown = share >= 99 ? Math.floor(share * 100) / 100 : Math.round(share * 10) / 10;
  return `${shown}%`;
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Math.round(ms / 100) / 10} s`;
  return span(ms);
}

// A length of time in its two largest units: `2 min`, `1 h 5 min`, `3 d 4 h`.
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 10 && s % 60) return `${minutes} min ${s % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

const kUnitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
// Of a length of time as the API writes it: `90s`, `2m`.
export const secondsOf = (text: string): number => Number.parseInt(text, 10) * (kUnitSeconds[text.replace(/^\d+/, "")] ?? Number.NaN);

export function ago(iso: string, now = serverNow()): string {
  const ms = now - Date.parse(iso);
  if (ms < 5_000) return "just now";
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return `${Math.floor(ms / 86_400_000)} d ago`;
}

const kTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const kDayTime = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const kFull = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

const kZone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });

// ` CEST` on a day on which the clocks are changed, when an hour may come twice; nothing on every other.
export function zone(at: Date): string {
  const midnight = (days: number): Date => new Date(at.getFullYear(), at.getMonth(), at.getDate() + days);
  if (midnight(0).getTimezoneOffset() === midnight(1).getTimezoneOffset()) return "";
  return ` ${kZone.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value}`;
}

export function localTime(iso: string): string {
  const then = new Date(iso);
  const now = new Date();
  const form = then.toDateString() === now.toDateString() ? kTime : then.getFullYear() === now.getFullYear() ? kDayTime : kFull;
  return form.format(then) + zone(then);
}
export const fullTime = (iso: string): string => kFull.format(new Date(iso)) + zone(new Date(iso));
// `2026-03-01 10:00:00.123 UTC`: what a log of the receiver's would say.
export const utcTime = (iso: string): string => `${new Date(iso).toISOString().replace("T", " ").replace("Z", "")} UTC`;

export function bytes(n: number): string {
  if (n < 1024) return plural(n, "byte");
  if (n < 1023.95 * 1024) return `${Math.round(n / 102.4) / 10} KiB`;
  return `${Math.round(n / 104857.6) / 10} MiB`;
}

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

// JSON indented for reading, every token kept as it was sent (a number of twenty digits stays one); anything that is not JSON comes
// back unchanged.
export function pretty(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let out = "";
  let depth = 0;
  const line = (): string => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === "{" || token === "[") {
      depth += 1;
      out += next === "}" || next === "]" ? token : token + line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const before = tokens[i - 1];
      out += before === "{" || before === "[" ? token : line() + token;
    } else if (token === ",") {
      out += token + line();
    } else {
      out += token === ":" ? ": " : token;
    }
  });
  return out;
}
