#include "api/live_streams.h"

#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/handlers.h"
#include "api/json_writer.h"

namespace skyhook::api {

namespace {

constexpr std::string_view kReset = "event: reset\ndata: {}\n";

std::string changed_event(const DeliveryEntry& entry) {
  JsonWriter json;
  json.begin_object();
  write_entry_fields(json, entry);
  json.end_object();
  return "event: delivery\ndata: " + json.take() + "\n";
}

}  // namespace

LiveStreams::LiveStreams(store::ChangeFeed& feed, store::Store& store, const Directory& directory,
                         std::uint64_t epoch)
    : feed_(feed), store_(store), directory_(directory), epoch_(epoch) {
  feed_.observe([this] {
    const std::lock_guard lock(mutex_);
    if (open_.empty() || changed_) return;
    changed_ = true;
    wake_.notify_one();
  });
  thread_ = std::thread([this] { run(); });
}

LiveStreams::~LiveStreams() {
  feed_.observe(nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

bool LiveStreams::open(const Request& request, net::Responder& responder) {
  {
    const std::lock_guard lock(mutex_);
    const auto of_account = std::ranges::count(open_, request.account);
    if (stopping_ || open_.size() >= kStreamLimit ||
        of_account >= static_cast<std::ptrdiff_t>(kStreamLimitOfAccount)) {
      return false;
    }
    open_.push_back(request.account);
  }
  feed_.watch(request.webhook);
  Stream stream{.request = request, .body = nullptr, .position = feed_.position()};
  if (!request.last_event_id.empty()) {
    const auto known = position_of(request.last_event_id);
    stream.told_everything = !known;
    if (known) stream.position = *known;
  }
  net::ServerResponse head{.status = 200, .headers = request.headers, .body = {}};
  head.headers.emplace_back("Content-Type", "text/event-stream");
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy must not collect it
  stream.body = responder.stream(std::move(head));
  // At once, so that the client knows where it stands even if nothing ever changes.
  stream.body->write("retry: 2000\nid: " + event_id(stream.position) + "\n\n");
  const std::lock_guard lock(mutex_);
  arriving_.push_back(std::move(stream));
  changed_ = true;
  wake_.notify_one();
  return true;
}

void LiveStreams::run() {
  pthread_setname_np(pthread_self(), "live-streams");
  std::list<Stream> streams;
  MonoTime alive_until = std::chrono::steady_clock::now() + kKeepAlive;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto has_work = [&] { return stopping_ || changed_; };
    if (streams.empty()) {
      wake_.wait(lock, has_work);
    } else {
      wake_.wait_until(lock, alive_until, has_work);
    }
    if (stopping_) break;
    changed_ = false;
    streams.splice(streams.end(), arriving_);
    lock.unlock();

    const MonoTime now = std::chrono::steady_clock::now();
    const bool keep_alive = now >= alive_until;
    if (keep_alive) alive_until = now + kKeepAlive;
    std::vector<AccountId> over;
    std::erase_if(streams, [&](Stream& stream) {
      bool goes_on = still_allowed(stream) && bring_up_to_date(stream);
      if (goes_on && keep_alive) goes_on = stream.body->write(": still here\n\n");
      if (goes_on) return false;
      stream.body->close();
      feed_.unwatch(stream.request.webhook);
      over.push_back(stream.request.account);
      return true;
    });

    lock.lock();
    for (const AccountId account : over) open_.erase(std::ranges::find(open_, account));
    wake_.wait_for(lock, kRoundPause, [&] { return stopping_; });
  }
  streams.splice(streams.end(), arriving_);
  lock.unlock();
  for (Stream& stream : streams) stream.body->close();
}

bool LiveStreams::still_allowed(const Stream& stream) const {
  const AccountPtr account = directory_.account(stream.request.account);
  if (!account) return false;
  const auto& key = stream.request.key_hash;
  if (key && (!account->is_active || account->api_key_hash != *key)) return false;
  const WebhookPtr webhook = directory_.webhook(stream.request.webhook);
  return webhook && webhook->webhook.account_id == stream.request.account;
}

bool LiveStreams::bring_up_to_date(Stream& stream) {
  const WebhookId webhook = stream.request.webhook;
  const auto missed = feed_.since(stream.position, webhook);
  const std::string id = "id: " + event_id(missed.position) + "\n\n";
  const bool everything =
      stream.told_everything || missed.everything || missed.deliveries.size() > kEntriesARound;
  stream.told_everything = false;
  stream.position = missed.position;
  if (everything) return stream.body->write(std::string(kReset) + id);
  std::string events;
  for (const DeliveryId delivery : missed.deliveries) {
    const auto detail = store_.delivery(webhook, delivery);
    if (!detail) return stream.body->write(std::string(kReset) + id);
    if (*detail) events += changed_event((*detail)->entry) + id;
  }
  return events.empty() || stream.body->write(std::move(events));
}

std::string LiveStreams::event_id(std::uint64_t position) const {
  return std::to_string(epoch_) + "-" + std::to_string(position);
}

std::optional<std::uint64_t> LiveStreams::position_of(std::string_view event_id) const {
  const std::string epoch = std::to_string(epoch_) + "-";
  if (!event_id.starts_with(epoch)) return std::nullopt;
  event_id.remove_prefix(epoch.size());
  std::uint64_t position = 0;
  const auto [end, error] =
      std::from_chars(event_id.data(), event_id.data() + event_id.size(), position);
  if (error != std::errc{} || end != event_id.data() + event_id.size()) return std::nullopt;
  return position;
}

}  // namespace skyhook::api
