import type { JSX } from "preact";
import type { Status, Webhook } from "../../api/types";
import { useQuery } from "../../query";
import { changeParams } from "../../router";
import { useScope } from "../../scope";
import { Choice, Moment, Segments, type Option } from "../../ui/field";
import { visible } from "../../ui/text";
import { beginOf, type Filter, type Within } from "./filter";

const kTestEvent = "webhook.test"; // not in the catalogue, and in the log
const kStatuses: Option<Status | "all">[] = [
  { value: "all", label: "All" }, { value: "pending", label: "Pending" }, { value: "delivered", label: "Delivered" }, { value: "failed", label: "Failed" },
];
const kTimes: Option<Within>[] = [
  { value: "", label: "Any time" }, { value: "1h", label: "Last hour" }, { value: "24h", label: "Last 24 hours" }, { value: "7d", label: "Last 7 days" },
  { value: "30d", label: "Last 30 days" }, { value: "custom", label: "Custom range" },
];

// `seen`: types of events that are in the log, whether or not they are in the catalogue.
export function Filters({ webhooks, id, filter, seen }: { webhooks: Webhook[] | undefined; id: number | null; filter: Filter; seen: string[] }): JSX.Element {
  const scope = useScope();
  const events = useQuery("events", scope.events);
  const names = new Set([...(events.data ?? []).map((type) => type.event), ...seen, kTestEvent]);
  if (filter.event) names.add(filter.event);
  const options = (webhooks ?? []).map((each) => ({ value: String(each.id), label: visible(each.name) }));
  if (!webhooks?.some((each) => each.id === id)) options.unshift({ value: String(id ?? ""), label: webhooks ? `Webhook ${id}` : "…" });
  const setWithin = (within: Within): void =>
    changeParams(within === "custom" ? { within, from: filter.from || beginOf("24h") } : { within, from: null, until: null });
  return (
    <div class="filters">
      <Choice label="Webhook" value={String(id ?? "")} options={options} onChange={(value) => changeParams({ webhook: value, open: null })} />
      <Segments label="Status" value={filter.status || "all"} options={kStatuses} onChange={(value) => changeParams({ status: value === "all" ? null : value })} />
      <Choice label="Event" value={filter.event} options={[{ value: "", label: "Every event" }, ...[...names].map((name) => ({ value: name, label: name }))]}
              onChange={(event) => changeParams({ event: event || null })} />
      <Choice label="Time" value={filter.within} options={kTimes} onChange={setWithin} />
      {filter.within === "custom" && (
        <div class="moments">
          <Moment label="From" value={filter.from} onChange={(from) => changeParams({ within: "custom", from })} />
          <Moment label="Until" value={filter.until} onChange={(until) => changeParams({ within: "custom", until })} />
        </div>
      )}
    </div>
  );
}
