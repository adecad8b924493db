#include "cluster/node.h"

#include <pthread.h>

#include <future>
#include <memory>
#include <unordered_set>
#include <utility>

#include "domain/webhook_options.h"
#include "logging/log.h"

namespace skyhook::cluster {
namespace {

// Lanes answer within a turn of their thread, or never: it has stopped.
constexpr Millis kLanesPatience{1'000};

}  // namespace

Node::Node(store::Store& store, Directory& directory, delivery::Dispatcher& dispatcher,
           store::ChangeFeed& feed, Options options)
    : store_(store),
      shared_(*store.shared()),
      directory_(directory),
      dispatcher_(dispatcher),
      feed_(feed),
      options_(options),
      epoch_(shared_.epoch()),
      watcher_([this] { watch(); }),
      adopter_([this] { adopt(); }) {
  pthread_setname_np(watcher_.native_handle(), "node-watch");
  pthread_setname_np(adopter_.native_handle(), "node-outbox");
}

Node::~Node() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  watcher_.join();
  adopter_.join();
}

bool Node::wait(Millis length) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, length, [this] { return stopping_; });
}

void Node::watch() {
  Millis since_take_over{0};
  do {
    watch_lease();
    read_changes();
    exchange_live();
    since_take_over += options_.feed_interval;
    if (since_take_over >= options_.take_over_interval) {
      since_take_over = Millis{0};
      take_over();
    }
  } while (wait(options_.feed_interval));
}

// The lanes themselves stop the moment the lease is in doubt; here they learn how it went on.
void Node::watch_lease() {
  const std::uint64_t epoch = shared_.epoch();
  const bool can_deliver = shared_.may_deliver();
  if (epoch != epoch_ || (can_deliver && !could_deliver_)) dispatcher_.ownership_changed();
  epoch_ = epoch;
  could_deliver_ = can_deliver;
}

void Node::read_changes() {
  std::vector<store::Inquiry> inquiries;
  {
    const auto held = directory_.hold_changes();
    auto changes = shared_.changes();
    if (!changes) {
      return log::debug("changes of other nodes cannot be read yet",
                        {{"reason", changes.error().detail}});
    }
    inquiries = std::move(changes->inquiries);
    apply(std::move(*changes));
  }
  for (const store::Inquiry& inquiry : inquiries) answer(inquiry);
}

void Node::answer(const store::Inquiry& inquiry) {
  auto told = std::make_shared<std::promise<bool>>();
  auto in_flight = told->get_future();
  dispatcher_.ask_in_flight(inquiry.webhook, inquiry.delivery,
                            [told](bool is_in_flight) { told->set_value(is_in_flight); });
  if (in_flight.wait_for(kLanesPatience) != std::future_status::ready) return;
  if (auto done = shared_.answer(inquiry, in_flight.get()); !done) {
    log::debug("another node could not be answered", {{"reason", done.error().detail}});
  }
}

void Node::apply(store::SharedChanges&& changes) {
  if (changes.everything) return load_all();
  // An account before its webhooks.
  for (auto& [id, account] : changes.accounts) {
    directory_.account_changed_elsewhere(id, std::move(account));
  }
  for (auto& [id, webhook] : changes.webhooks) {
    if (!directory_.webhook_changed_elsewhere(id, std::move(webhook))) {
      log::error("a webhook's secret does not open with this node's master key",
                 {{"webhook", id.value}});
    }
  }
  for (const WebhookId id : changes.due) dispatcher_.wake(id);
}

void Node::load_all() {
  auto accounts = store_.load_accounts();
  auto webhooks = store_.load_webhooks();
  if (!accounts || !webhooks) return;
  store::SharedChanges all;
  std::unordered_set<AccountId> known_accounts;
  std::unordered_set<WebhookId> known_webhooks;
  for (Account& account : *accounts) {
    known_accounts.insert(account.id);
    all.accounts.emplace_back(account.id, std::move(account));
  }
  for (Webhook& webhook : *webhooks) {
    known_webhooks.insert(webhook.id);
    all.webhooks.emplace_back(webhook.id, std::move(webhook));
  }
  for (const AccountPtr& account : directory_.accounts(0, directory_.account_count())) {
    if (!known_accounts.contains(account->id)) all.accounts.emplace_back(account->id, std::nullopt);
  }
  for (const WebhookId id : directory_.all_webhooks()) {
    if (!known_webhooks.contains(id)) all.webhooks.emplace_back(id, std::nullopt);
  }
  apply(std::move(all));
}

void Node::take_over() {
  std::size_t webhooks = 0;
  for (;;) {
    auto taken = shared_.take_over();
    if (!taken) {
      log::debug("taking over is not possible yet", {{"reason", taken.error().detail}});
      break;
    }
    if (taken->empty()) break;
    webhooks += taken->size();
    for (const WebhookId id : *taken) dispatcher_.wake(id);
  }
  if (webhooks > 0) {
    log::info("took over what an ended node left", {{"webhooks", webhooks}});
  }
}

void Node::exchange_live() {
  const MonoTime now = std::chrono::steady_clock::now();
  if (now - exchanged_at_ > store::Shared::kWatchLasts) untold_.clear();
  exchanged_at_ = now;
  const std::vector<WebhookId> watched = feed_.watched();
  const std::vector<store::Change> kept = feed_.take_kept();
  auto exchanged = shared_.exchange_live(watched, kept);
  if (!exchanged) {
    log::debug("live logs of other nodes cannot be read yet",
               {{"reason", exchanged.error().detail}});
    feed_.keep_again(kept);
    untold_.clear();  // what the others told may be lost
    return;
  }
  feed_.keep_for_others({exchanged->watched_elsewhere.begin(), exchanged->watched_elsewhere.end()});
  feed_.note_from_others(exchanged->changed_elsewhere);
  note_gaps(watched, exchanged->alone);
}

// Until every other node knows that a webhook is watched here, what it does to it is not told:
// after that its readers are told once to read anew.
void Node::note_gaps(const std::vector<WebhookId>& watched, bool alone) {
  constexpr int kUntilAllKnow = 3;  // exchanges: theirs may be just over, and one may be late
  std::map<WebhookId, int> untold;
  std::vector<store::Change> gaps;
  for (const WebhookId webhook : watched) {
    const auto known = untold_.find(webhook);
    int left = known == untold_.end() ? kUntilAllKnow : known->second;
    if (left > 0 && --left == 0 && !alone) gaps.push_back({webhook, DeliveryId{}});
    untold.emplace(webhook, left);
  }
  untold_ = std::move(untold);
  feed_.note_from_others(gaps);
}

store::NewEvent Node::plan(EventPtr event) {
  store::NewEvent planned;
  const auto subscribers = directory_.subscribers(event->account_id, event->type, event->data);
  std::int64_t id = store_.take_ids(static_cast<std::int64_t>(subscribers.size()) + 1);
  for (const WebhookPtr& subscriber : subscribers) {
    planned.deliveries.push_back({.id = DeliveryId{id++},
                                  .webhook_id = subscriber->webhook.id,
                                  .event = event,
                                  .created_at = event->created_at,
                                  .due_at = event->created_at,
                                  .is_ordered = wants_order(subscriber->webhook)});
  }
  planned.event = std::move(event);
  return planned;
}

void Node::adopt() {
  while (wait(options_.publish_poll)) {
    for (;;) {
      auto adopted = shared_.adopt_published(
          [this](EventPtr event) { return plan(std::move(event)); }, directory_.any_wants_order());
      if (!adopted || adopted->empty()) break;
      std::vector<WaitingDelivery> deliveries;
      for (store::NewEvent& event : *adopted) {
        for (WaitingDelivery& delivery : event.deliveries)
          deliveries.push_back(std::move(delivery));
      }
      dispatcher_.hand_over(std::move(deliveries));
    }
  }
}

}  // namespace skyhook::cluster
