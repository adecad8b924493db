// What the API answers, field by field (the server's /openapi.json describes it).
export interface Webhook {
  id: number;
  name: string;
  url: string;
  events: string[];
  is_active: boolean;
  created_at: string;
  updated_at: string;
  delivery_logs_count?: number; // in the list
  secret?: string; // where it has just been made
  options?: WebhookOptions; // where it was read
}
export interface WebhookOptions {
  headers: Record<string, true> | null;
  rate_limit: number | null;
  ordered: true | null;
  filter: Record<string, unknown> | null;
  retry_schedule: string[] | null;
  timeout: string | null;
  ed25519: string | null; // the public key
  client_certificate: ClientCertificate | null;
  previous_secret_expires_at: string | null;
  switched_off: { reason: "gone" | "failing"; at: string; failing_since: string | null } | null; // by Skyhook, not by its owner
}
export interface ClientCertificate {
  subject: string;
  expires_at: string;
  fingerprint: string;
}
export type Status = "pending" | "delivered" | "failed";
export interface Entry {
  id: number;
  event_type: string;
  delivery_id: string;
  attempt_number: number;
  response_status_code: number | null;
  status: Status;
  delivered_at: string | null;
  created_at: string;
}
export interface Attempt {
  number: number;
  started_at: string;
  duration_ms: number;
  response_status_code: number | null;
  error: string | null;
  error_detail: string;
  response_headers: [string, string][] | null;
  response_body: string | null;
  response_truncated: boolean;
}
export interface DeliveryDetail extends Entry {
  event_id: string;
  next_attempt_at: string | null;
  payload: string;
  attempts: Attempt[];
  error: string | null;
}
export interface Step {
  start: string;
  events?: number; // published; of an account and of the service
  delivered: number;
  failed_attempts: number;
  failed: number;
  duration_p50_ms: number | null;
  duration_p95_ms: number | null;
  first_attempts?: number; // held against a target; this and the rest: of an account and of the service
  first_attempts_late?: number;
  first_attempt_p50_ms?: number | null;
  first_attempt_p95_ms?: number | null;
}
export interface EventType {
  event: string;
  description: string;
}
// As `?include=schema` shows it.
export interface DescribedEventType extends EventType {
  schema: unknown; // null: none
  example: Record<string, unknown> | null;
  is_checked: boolean;
}
export interface WebhookHealth {
  id: number;
  pending: number;
  delivered: number;
  failed: number;
  oldest_waiting_at: string | null;
  last_delivery: (Entry & { error: string | null }) | null;
  steps: Step[];
}
export interface DeliverySettings {
  header_prefix: string;
  retry_schedule_s: number[];
  timeout_ms: number;
}
export interface OwnAccount {
  id: number;
  name: string;
  settings: DeliverySettings;
}
export interface Account {
  id: number;
  name: string;
  is_active: boolean;
  allowed_origins: string[];
  first_attempt_target: string | null;
  is_kept_by_settings: boolean; // the operator's own: for what it is told
  created_at: string;
  api_key?: string; // where it has just been made
}
export interface AccountHealth {
  id: number;
  name: string;
  is_active: boolean;
  webhooks: number;
  active_webhooks: number;
  pending: number;
  delivered: number;
  failed: number;
  steps: Step[];
}
export interface ServiceStats {
  accounts: number;
  webhooks: number;
  queue_depth: number;
  oldest_waiting_at: string | null;
  in_flight: number;
  settings: DeliverySettings;
}
export interface NodeLease {
  id: number;
  name: string;
  is_self: boolean;
  started_at: string;
  lease_until: string;
}
export interface Meta {
  current_page?: number;
  last_page?: number;
  per_page?: number;
  total?: number;
  next_before_id?: number | null;
}
export interface Page<T> {
  data: T[];
  meta: Meta;
}

// A span of time in steps.
export interface Span {
  from: string;
  to: string;
  step: number; // seconds, a multiple of 60
}
export interface DeliveryQuery {
  status?: string | null;
  event?: string | null;
  from?: string | null;
  until?: string | null;
  before_id?: number;
  per_page?: number;
}
