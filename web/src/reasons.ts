// Why a delivery stands as it does, and what to do about it, in plain words.
import type { Attempt, DeliveryDetail } from "./api/types";
import { span } from "./format";

const kErrors: Record<string, string> = {
  timeout: "The receiver did not answer in time. It should answer 2xx at once and do its work afterwards.",
  response_too_slow: "The receiver began to answer but did not finish in time. It should answer 2xx at once and do its work afterwards.",
  dns: "The host name could not be resolved. Check its spelling and its DNS records.",
  connect: "No connection could be made: nothing listens at that address and port, or a firewall refuses.",
  tls: "The TLS handshake failed. Check that the certificate is valid, not expired, and sent with its whole chain.",
  blocked_address: "The host name points at an address that is not public, which deliveries may not reach.",
  reset: "The receiver closed the connection before its answer was complete.",
  bad_response: "What came back was not a valid HTTP answer, or one of excessive size.",
  invalid_url: "The webhook's URL cannot be used under the server's present settings.",
  webhook_inactive: "The webhook was switched off while this delivery waited.",
  gone: "The receiver answered 410 Gone, so the webhook was switched off.",
  internal: "The delivery server had a problem of its own. It is not the receiver's fault.",
};

const kStatuses: Record<number, string> = {
  400: "The receiver found the request malformed (400). Its parser may not accept this payload.",
  401: "The receiver asked for credentials (401). A webhook carries a signature, not a login: exempt this path from authentication.",
  403: "The receiver refused the request (403). A firewall or an authentication layer may stand in front, or its signature check fails.",
  404: "Nothing answers at this path (404). Check the URL.",
  405: "The receiver does not accept POST at this path (405). Check the URL.",
  408: "The receiver gave up waiting for the request (408).",
  410: "The receiver says that this address is gone for good (410), so the webhook was switched off.",
  413: "The receiver finds the payload too large (413). Raise its body limit.",
  415: "The receiver does not accept application/json (415).",
  422: "The receiver could not process the payload (422).",
  429: "The receiver asks for fewer requests (429). Its Retry-After is honoured.",
  500: "The receiver failed with an error of its own (500). Its log will tell more.",
  502: "A proxy in front of the receiver could not reach it (502).",
  503: "The receiver is unavailable for now (503). Its Retry-After is honoured.",
  504: "A proxy in front of the receiver waited in vain for it (504).",
};

export function statusWords(code: number): string {
  const known = kStatuses[code];
  if (known) return known;
  if (code >= 200 && code < 300) return `The receiver accepted it (${code}).`;
  if (code >= 300 && code < 400) return `The receiver redirects (${code}). Redirects are not followed: put the final URL into the webhook.`;
  if (code >= 500) return `The receiver failed with an error of its own (${code}).`;
  return `The receiver refused it (${code}).`;
}

export const errorWords = (code: string): string => kErrors[code] ?? `It failed: ${code.replaceAll("_", " ")}.`;

export function reason(error: string | null | undefined, status: number | null): string {
  if (error && error !== "http_status" && error !== "none") return errorWords(error);
  return status === null ? "" : statusWords(status);
}

const kShort: Record<string, string> = {
  timeout: "timed out", response_too_slow: "answered too slowly", dns: "name not found", connect: "could not connect", tls: "TLS failed",
  blocked_address: "address not allowed", reset: "connection cut", bad_response: "answer unreadable", invalid_url: "URL unusable",
  webhook_inactive: "webhook switched off", gone: "410 Gone", internal: "server problem",
};
// A few words, for a table or a list.
export function shortReason(error: string | null | undefined, status: number | null): string {
  if (error && kShort[error]) return kShort[error];
  return status === null ? "no answer" : `answered ${status}`;
}

export const attemptWords = (attempt: Attempt): string => reason(attempt.error, attempt.response_status_code);

// What happens next, as far as it is known; the moment itself is shown beside it. `retries`: the delays of the schedule, in seconds. `ordered`: the
// webhook gets one delivery after the other.
export function nextWords(delivery: DeliveryDetail, retries: number[] | undefined, ordered: boolean): string {
  if (delivery.status === "delivered") return "Nothing more to do: the receiver has it.";
  if (delivery.status === "failed") return "Nothing happens by itself. Retry it once the cause is mended.";
  if (delivery.attempt_number === 0) return ordered ? "The first attempt follows once every delivery before this one has arrived or failed for good." : "The first attempt is on its way.";
  if (!retries || delivery.attempt_number > retries.length) return "If it fails, the schedule goes on.";
  const later = retries.slice(delivery.attempt_number).map((s) => span(s * 1000));
  if (later.length === 0) return "It is the last one: if it fails, the delivery ends as failed.";
  if (later.length === 1) return `If it fails, one more follows ${later[0]} later.`;
  return `If it fails, ${later.length} more follow, after ${later.slice(0, -1).join(", ")} and ${later[later.length - 1]}.`;
}
