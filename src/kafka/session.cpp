#include "kafka/session.h"

#include <algorithm>
#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "logging/log.h"

namespace skyhook::kafka {

namespace {

constexpr int kIdlePollMs = 500;  // how long a stop may go unnoticed while nothing arrives
constexpr Millis kSlice{100};     // the group hears of us this often while a batch waits
constexpr Millis kShortestBackoff{100};
constexpr Millis kLongestBackoff{5'000};
constexpr Millis kLeaveWithin{5'000};
constexpr Seconds kComplainEvery{60};
constexpr std::size_t kUnknownLimit = 1'000;  // past it all are forgotten, and waited for again

Session& self_of(void* opaque) {
  return *static_cast<Session*>(opaque);
}

std::string_view view(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

Record record_of(const rd_kafka_message_t& message) {
  Record record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t kind{};
  record.timestamp_ms = rd_kafka_message_timestamp(&message, &kind);
  if (message.key != nullptr) record.key = view(message.key, message.key_len);
  if (message.payload != nullptr) record.value = view(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.emplace_back(name, value == nullptr ? std::string_view() : view(value, size));
  }
  return record;
}

struct MessageDelete {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDelete>;

// By what librdkafka counts (its STATISTICS.md).
bool reaches_a_broker(const boost::json::value& statistics) {
  const boost::json::value* brokers = statistics.get_object().if_contains("brokers");
  if (brokers == nullptr || !brokers->is_object()) return false;
  return std::ranges::any_of(brokers->get_object(), [](const auto& broker) {
    boost::system::error_code fault;
    const boost::json::value* state = broker.value().find_pointer("/state", fault);
    return state != nullptr && state->is_string() && state->get_string() == "UP";
  });
}

// -1 or less: not known.
std::int64_t offset_of(const boost::json::value& partition, std::string_view name) {
  const boost::json::value* offset =
      partition.is_object() ? partition.get_object().if_contains(name) : nullptr;
  return offset != nullptr && offset->is_int64() ? offset->get_int64() : -1;
}

// Where the group has committed nothing yet, what is fetched next tells where it is.
std::int64_t lag_of(const boost::json::value& partition) {
  const std::int64_t lag = offset_of(partition, "consumer_lag");
  if (lag >= 0) return lag;
  const std::int64_t next = offset_of(partition, "next_offset");
  return next < 0 ? 0 : std::max<std::int64_t>(0, offset_of(partition, "hi_offset") - next);
}

}  // namespace

// What the store says of a batch; also where nobody waits any more.
struct Session::Answer {
  std::mutex mutex;
  std::condition_variable said;
  std::optional<store::Result<store::PublishOutcome>> result;  // guarded by mutex

  void say(store::Result<store::PublishOutcome> what) {
    {
      const std::lock_guard lock(mutex);
      result = std::move(what);
    }
    said.notify_one();
  }
  bool wait(Millis length) {
    std::unique_lock lock(mutex);
    return said.wait_for(lock, length, [this] { return result.has_value(); });
  }
};

Session::Session(Source& source, DeadLetters& dead_letters)
    : source_(source), dead_letters_(dead_letters) {}

Result<Done, std::string> Session::run() {
  if (auto problem = join()) return Err{*problem};
  while (!source_.is_stopping() && fatal_.empty()) {
    read_batch();
    if (batch_.empty()) continue;
    if (!settle_batch()) break;
    store_offsets();
  }
  leave();
  if (!fatal_.empty()) return Err{fatal_};
  return Done{};
}

// --- the group -----------------------------------------------------------------------------------

std::optional<std::string> Session::join() {
  auto conf = consumer_conf(source_.options_);
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_rebalance_cb(conf->get(), on_rebalance);
  rd_kafka_conf_set_error_cb(conf->get(), on_error);
  rd_kafka_conf_set_stats_cb(conf->get(), on_statistics);
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(conf).value());
  if (!client) return client.error();
  client_ = std::move(client).value();
  rd_kafka_poll_set_consumer(client_.get());
  const PartitionList topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), source_.options_.topic.c_str(),
                                    RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_.get(), topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::string(rd_kafka_err2str(error));
  return std::nullopt;
}

// Commits what was stored. A broker that is away is not waited for long: what is not committed is
// read again, and published once.
void Session::leave() {
  const std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(
      rd_kafka_queue_new(client_.get()), rd_kafka_queue_destroy);
  if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_.get(), queue.get())) {
    rd_kafka_error_destroy(error);
    return;
  }
  const auto until = std::chrono::steady_clock::now() + kLeaveWithin;
  while (!rd_kafka_consumer_closed(client_.get()) && std::chrono::steady_clock::now() < until) {
    // Records that were read ahead come too; nobody has seen them, and they stay uncommitted.
    // rd_kafka_queue_poll_callback would abort the process at the first of them.
    const Message unread(rd_kafka_consume_queue(queue.get(), static_cast<int>(kSlice.count())));
  }
}

void Session::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                           rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  Session& self = self_of(opaque);
  const bool is_assigned = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  // Whoever has the partitions now reads from what was committed: nothing more is said of them
  // here.
  self.batch_.clear();
  self.early_.clear();
  self.next_.clear();
  rd_kafka_assign(client, is_assigned ? partitions : nullptr);
  // A partition that was paused when it was taken away would come back paused.
  if (is_assigned) rd_kafka_resume_partitions(client, partitions);
  self.is_paused_ = false;
  self.assigned_.clear();
  for (int i = 0; is_assigned && i < partitions->cnt; ++i) {
    self.assigned_.insert(partitions->elems[i].partition);
  }
  self.source_.stats_.partitions = static_cast<std::int64_t>(self.assigned_.size());
  if (is_assigned) self.source_.stats_.is_connected = true;
  if (!is_assigned) self.source_.stats_.lag = 0;
  log::info(
      is_assigned ? "kafka partitions assigned" : "kafka partitions given back",
      {{"topic", self.source_.options_.topic}, {"partitions", std::int64_t{partitions->cnt}}});
}

void Session::on_error(rd_kafka_t* client, int error, const char* reason, void* opaque) {
  Session& self = self_of(opaque);
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> detail{};
    rd_kafka_fatal_error(client, detail.data(), detail.size());
    self.fatal_ = detail.data();
  } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    self.source_.stats_.is_connected = false;
    self.complain("no kafka broker can be reached", error, reason);
  } else {
    self.complain("a kafka broker fails", error, reason);
  }
}

void Session::complain(std::string_view what, int error, const char* detail) {
  const MonoTime now = std::chrono::steady_clock::now();
  const auto [last, is_first] = complained_.try_emplace(error, now);
  const bool is_due = is_first || now - last->second >= kComplainEvery;
  if (is_due) last->second = now;
  const log::Level level = is_due ? log::Level::warn : log::Level::debug;
  if (log::enabled(level)) log::write(level, what, {{"detail", detail}});
}

int Session::on_statistics(rd_kafka_t*, char* text, std::size_t length, void* opaque) {
  namespace json = boost::json;
  Session& self = self_of(opaque);
  boost::system::error_code fault;
  const json::value statistics = json::parse({text, length}, fault);
  if (fault || !statistics.is_object()) return 0;
  // A topic may be quiet for long after a broker is back.
  const bool is_connected = reaches_a_broker(statistics);
  if (is_connected && !self.source_.stats_.is_connected.exchange(true)) self.complained_.clear();
  if (!is_connected) self.source_.stats_.is_connected = false;
  const json::value* partitions =
      statistics.find_pointer("/topics/" + self.source_.options_.topic + "/partitions", fault);
  if (partitions == nullptr || !partitions->is_object()) return 0;
  std::int64_t lag = 0;
  for (const std::int32_t id : self.assigned_) {
    const json::value* partition = partitions->get_object().if_contains(std::to_string(id));
    if (partition != nullptr) lag += lag_of(*partition);
  }
  self.source_.stats_.lag = lag;
  return 0;
}

// --- reading -------------------------------------------------------------------------------------

std::optional<Record> Session::poll(int timeout_ms) {
  const Message message(rd_kafka_consumer_poll(client_.get(), timeout_ms));
  if (!message) return std::nullopt;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    complain("the kafka topic cannot be read", message->err,
             rd_kafka_message_errstr(message.get()));
    return std::nullopt;
  }
  ++source_.stats_.consumed;
  source_.stats_.is_connected = true;
  return record_of(*message);
}

void Session::read_batch() {
  batch_ = std::exchange(early_, {});
  std::size_t bytes = 0;
  for (const Record& record : batch_) bytes += record.value ? record.value->size() : 0;
  // The first is waited for; what else is there comes along.
  while (batch_.size() < kBatchRecords && bytes < kBatchBytes) {
    auto record = poll(batch_.empty() ? kIdlePollMs : 0);
    if (!record) break;
    bytes += record->value ? record->value->size() : 0;
    batch_.push_back(*std::move(record));
  }
  next_.clear();
  for (const Record& record : batch_) next_[record.partition] = record.offset + 1;
}

// --- publishing ----------------------------------------------------------------------------------

// Once for each account: events of one that was deleted do not hold up the rest again and again.
bool Session::may_be_new(AccountId unknown) {
  const MonoTime now = std::chrono::steady_clock::now();
  if (unknown_.size() >= kUnknownLimit) unknown_.clear();
  const MonoTime since = unknown_.try_emplace(unknown, now).first->second;
  return now - since < source_.world_.account_patience;
}

bool Session::await_accounts() {
  if (source_.world_.account_patience == Millis{0}) return true;
  const auto is_awaited = [this](const Record& record) {
    const auto account = account_named_by(record, source_.options_.account_in);
    return account && !source_.world_.account_exists(*account) && may_be_new(*account);
  };
  // Partitions that are taken away meanwhile take the batch with them.
  while (std::ranges::any_of(batch_, is_awaited)) {
    wait(kSlice);
    if (source_.is_stopping()) return false;
  }
  return true;
}

bool Session::settle_batch() {
  if (!await_accounts()) return false;
  Millis backoff = kShortestBackoff;
  while (true) {
    bool is_settled = false;
    if (!try_batch(is_settled)) return false;
    // Also where the partitions were taken away meanwhile, and the batch with them.
    if (is_settled || batch_.empty()) break;
    ++source_.stats_.retried;
    wait(backoff);
    backoff = std::min(backoff * 2, kLongestBackoff);
    if (is_over_deadline() || source_.is_stopping()) return false;
  }
  resume();
  return true;
}

// What a record says is read anew at each try: its account may be gone by then. False: give up, the
// source stops.
bool Session::try_batch(bool& is_settled) {
  std::vector<intake::PublishItem> items;
  std::vector<DeadLetter> dead;
  std::vector<std::size_t> dead_at;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    auto reading = read_record(batch_[i], source_.options_.account_in, source_.world_.catalogue,
                               source_.world_.account_exists);
    if (auto* item = std::get_if<intake::PublishItem>(&reading)) {
      items.push_back(std::move(*item));
    } else {
      dead.push_back({batch_[i], std::get<Malformed>(reading).reason});
      dead_at.push_back(i);
    }
  }
  if (!dead.empty()) {
    if (!bury(dead)) return !is_over_deadline();
    if (batch_.empty()) return true;  // taken away while that was written
    drop(dead_at);
  }
  if (items.empty()) {
    is_settled = true;
    return true;
  }

  const auto result = publish(std::move(items));
  if (!result) return false;
  if (!*result) {
    log::warn("a batch from kafka cannot be stored; trying again",
              {{"detail", result->error().detail}});
    return true;
  }
  if (const auto* conflict = std::get_if<store::IdempotencyConflict>(&**result)) {
    if (conflict->index >= batch_.size()) return true;
    const DeadLetter letter{batch_[conflict->index],
                            "Another event was published with this record's place and time."};
    if (!bury({letter})) return !is_over_deadline();
    if (conflict->index < batch_.size()) drop({conflict->index});
    return true;
  }
  count(std::get<std::vector<store::EventReceipt>>(**result));
  is_settled = true;
  return true;
}

bool Session::bury(const std::vector<DeadLetter>& letters) {
  if (!dead_letters_.write(letters, [this] { return keep_alive(); })) return false;
  source_.stats_.dead_lettered += static_cast<std::int64_t>(letters.size());
  return true;
}

// `places` in order.
void Session::drop(const std::vector<std::size_t>& places) {
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    batch_.erase(batch_.begin() + static_cast<std::ptrdiff_t>(*place));
  }
}

// nullopt: the deadline of a stop is over, and the store has said nothing.
std::optional<store::Result<store::PublishOutcome>> Session::publish(
    std::vector<intake::PublishItem> items) {
  const auto answer = std::make_shared<Answer>();
  source_.world_.publish(std::move(items), [answer](store::Result<store::PublishOutcome> result) {
    answer->say(std::move(result));
  });
  while (!answer->wait(kSlice)) {
    if (!keep_alive()) return std::nullopt;
  }
  const std::lock_guard lock(answer->mutex);
  return std::move(answer->result);
}

void Session::count(const std::vector<store::EventReceipt>& receipts) {
  std::int64_t fresh = 0;
  std::int64_t deliveries = 0;
  for (const store::EventReceipt& receipt : receipts) {
    if (receipt.replayed) continue;
    ++fresh;
    deliveries += receipt.deliveries;
  }
  source_.stats_.published += fresh;
  source_.stats_.replayed += static_cast<std::int64_t>(receipts.size()) - fresh;
  source_.world_.metrics.accepted(fresh, deliveries);
}

// From here on they are committed, by librdkafka, each second and when partitions are given back.
void Session::store_offsets() {
  if (next_.empty()) return;
  const PartitionList offsets(rd_kafka_topic_partition_list_new(static_cast<int>(next_.size())));
  for (const auto& [partition, offset] : next_) {
    rd_kafka_topic_partition_list_add(offsets.get(), source_.options_.topic.c_str(), partition)
        ->offset = offset;
  }
  // Refused of what is not assigned any more: another member reads it again, and it is published
  // once.
  rd_kafka_offsets_store(client_.get(), offsets.get());
  batch_.clear();
  next_.clear();
}

// --- while a batch waits -------------------------------------------------------------------------

bool Session::is_over_deadline() const {
  return source_.is_stopping() &&
         std::chrono::steady_clock::now().time_since_epoch().count() >= source_.deadline_;
}

bool Session::keep_alive() {
  pause();
  if (auto record = poll(0)) early_.push_back(*std::move(record));
  return !is_over_deadline();
}

void Session::wait(Millis length) {
  const auto until = std::chrono::steady_clock::now() + length;
  while (!source_.is_stopping() && std::chrono::steady_clock::now() < until) {
    pause();
    if (auto record = poll(static_cast<int>(kSlice.count()))) early_.push_back(*std::move(record));
  }
}

// Asks for nothing more, and stays in the group.
void Session::pause() {
  if (is_paused_) return;
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(client_.get(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const PartitionList owned(assigned);
  is_paused_ = rd_kafka_pause_partitions(client_.get(), assigned) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Session::resume() {
  if (!is_paused_) return;
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(client_.get(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const PartitionList owned(assigned);
  rd_kafka_resume_partitions(client_.get(), assigned);
  is_paused_ = false;
}

}  // namespace skyhook::kafka
