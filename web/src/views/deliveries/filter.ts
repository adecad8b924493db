// Which deliveries are shown, as the address has it.
import type { DeliveryQuery, Entry, Status } from "../../api/types";
import { serverNow } from "../../clock";

export type Within = "" | "1h" | "24h" | "7d" | "30d" | "custom";
export interface Filter {
  status: Status | "";
  event: string;
  within: Within;
  from: string; // of a custom span
  until: string;
}

const kHour = 3_600_000;
const kLengths: Partial<Record<Within, number>> = { "1h": kHour, "24h": 24 * kHour, "7d": 7 * 24 * kHour, "30d": 30 * 24 * kHour };
const kStatuses: Status[] = ["pending", "delivered", "failed"];

// When a span that ends now begins; "" where it has no fixed length.
export function beginOf(within: Within, now = serverNow()): string {
  const length = kLengths[within];
  return length ? new Date(now - length).toISOString() : "";
}

// A moment of the years that the API and the fields know; "" for everything else.
function validTime(text: string | null): string {
  const iso = text && Number.isFinite(Date.parse(text)) ? new Date(text).toISOString() : "";
  return /^[1-9]\d{3}-/.test(iso) ? iso : "";
}

export function readFilter(params: URLSearchParams): Filter {
  const from = validTime(params.get("from"));
  const until = validTime(params.get("until"));
  const within = (params.get("within") ?? "") as Within;
  return {
    status: kStatuses.find((status) => status === params.get("status")) ?? "",
    event: params.get("event") ?? "",
    within: from || until || within === "custom" ? "custom" : within in kLengths ? within : "",
    from, until,
  };
}

export const isFiltered = (filter: Filter): boolean => Boolean(filter.status || filter.event || filter.within);

export const toQuery = (filter: Filter): DeliveryQuery => ({
  status: filter.status || null,
  event: filter.event || null,
  from: beginOf(filter.within) || filter.from || null,
  until: filter.until || null,
});

export function passes(entry: Entry, filter: Filter): boolean {
  if (filter.status && entry.status !== filter.status) return false;
  if (filter.event && entry.event_type !== filter.event) return false;
  const created = Date.parse(entry.created_at);
  if (filter.from && created < Date.parse(filter.from)) return false;
  return !(filter.until && created >= Date.parse(filter.until));
}
