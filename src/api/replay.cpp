// Sending once more what was published (docs/replay.md).
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "api/handlers.h"
#include "domain/webhook_options.h"

namespace skyhook::api {

namespace {

// What one request looks at: so many searches of at most kEventSearchRows rows and about
// kWaitingPageBytes of data each. Then it answers where to go on.
constexpr int kSearchesLimit = 50;
constexpr int kEventsASearch = 1'000;

struct Found {
  std::int64_t count = 0;
  std::vector<EventPtr> events;     // none in a dry run
  std::optional<EventId> ended_at;  // before the span did: the next request goes on after it
};

// The events of the span that the webhook takes; at most as many as one replay may have, unless
// they are only counted.
store::Result<Found> find_events(store::Store& store, const WebhookEntry& webhook,
                                 const ReplayInput& input) {
  Found found;
  store::EventSearch search{.account = webhook.webhook.account_id,
                            .from = input.since,
                            .until = input.until,
                            .after = input.after,
                            .with_data = webhook.filter.has_value()};
  for (int searches = 0; searches < kSearchesLimit; ++searches) {
    const auto page = store.events(search, kEventsASearch);
    if (!page) return Err{page.error()};
    for (const EventPtr& event : page->events) {
      if (event->type == kTestEventType || !takes(webhook, event->type, event->data)) continue;
      ++found.count;
      if (input.dry_run) continue;
      found.events.push_back(event);
      if (found.events.size() < store::kReplayLimit) continue;
      found.ended_at = event->id;
      return found;
    }
    if (!page->searched_to) return found;
    search.after = *page->searched_to;
  }
  found.ended_at = search.after;
  return found;
}

std::string counted_json(std::string_view name, std::int64_t count, std::optional<EventId> next) {
  JsonWriter json;
  json.begin_object().field(name, count).key("next_after_id");
  if (next) {
    json.integer(next->value);
  } else {
    json.null();
  }
  json.end_object();
  return json.take();
}

// Nodes that share a store number events in blocks of their own, seconds long: within a request
// the times tell better in which order they were published.
void sort_as_published(store::Store& store, std::vector<EventPtr>& events) {
  if (store.shared() == nullptr) return;
  std::ranges::sort(events, {},
                    [](const EventPtr& event) { return std::pair(event->created_at, event->id); });
}

// Behind what waits already, which may be what the request before made.
store::Result<std::int64_t> replay(store::Store& store, const Webhook& webhook, const Found& found,
                                   Timestamp now) {
  if (found.events.empty()) return std::int64_t{0};
  const auto totals = store.totals({webhook.id});
  if (!totals) return Err{totals.error()};
  const std::int64_t waiting = std::max<std::int64_t>(0, totals->front().pending);
  const Micros spacing = spacing_of(waiting + found.count);
  return store.replay({.webhook = webhook.id,
                       .now = now,
                       .first_due = now + waiting * spacing,
                       .spacing = spacing,
                       .is_ordered = wants_order(webhook)},
                      found.events);
}

}  // namespace

void replay_events(const CallPtr& call) {
  const auto body = parse_object(call->request.body);
  if (!body) return call->fail(400, kNotJson);
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const Services& services = call->services;
  const Timestamp now = services.clock.now();
  FieldErrors errors;
  const ReplayInput input = read_replay(*body, now, errors);
  if (!errors.empty()) return call->invalid(errors);
  if (!input.dry_run && !webhook->webhook.is_active) {
    return call->fail(409, "The webhook is not active.");
  }
  auto found = find_events(services.store, *webhook, input);
  if (!found) return call->store_failed(found.error());
  if (input.dry_run) {
    return call->succeed(200, counted_json("would_replay", found->count, found->ended_at),
                         "Nothing was changed.");
  }
  sort_as_published(services.store, found->events);
  const auto replayed = replay(services.store, webhook->webhook, *found, now);
  services.dispatcher.wake(webhook->webhook.id);  // also where only the answer was lost
  if (!replayed) return call->store_failed(replayed.error());
  call->succeed(202, counted_json("replayed", *replayed, found->ended_at),
                "Events will be sent again.");
}

}  // namespace skyhook::api
