#include "kafka/dead_letters.h"

#include <algorithm>
#include <memory>

#include "logging/log.h"

namespace skyhook::kafka {

namespace {

constexpr int kSliceMs = 100;
constexpr const char* kLeftOut = "left out: larger than the broker takes";

// How much of a record is written.
enum class Part { whole, without_value, place };

struct HeadersDelete {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, HeadersDelete>;

void add(const Headers& headers, const std::string& name, const std::string& value) {
  rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

Headers headers_of(const DeadLetter& letter, Part part) {
  const Record& record = letter.record;
  Headers headers(rd_kafka_headers_new(record.headers.size() + 6));
  if (part != Part::place) {
    for (const auto& [name, value] : record.headers) add(headers, name, value);
  }
  add(headers, "skyhook-reason", letter.reason);
  add(headers, "skyhook-topic", record.topic);
  add(headers, "skyhook-partition", std::to_string(record.partition));
  add(headers, "skyhook-offset", std::to_string(record.offset));
  if (part != Part::whole) add(headers, "skyhook-value", kLeftOut);
  if (part == Part::place) add(headers, "skyhook-key-and-headers", kLeftOut);
  return headers;
}

}  // namespace

struct DeadLetters::Delivery {
  Part part = Part::whole;
  bool is_settled = false;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

  // Is it to be written again, with less of it?
  bool leave_out_more() {
    if (!is_settled || error != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || part == Part::place)
      return false;
    *this = {.part = part == Part::whole ? Part::without_value : Part::place};
    return true;
  }
};

DeadLetters::DeadLetters(const Options& options) : options_(options) {}

void DeadLetters::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* delivery = static_cast<Delivery*>(message->_private);
  if (delivery == nullptr) return;
  delivery->is_settled = true;
  delivery->error = message->err;
}

bool DeadLetters::connect() {
  if (client_) return true;
  auto conf = producer_conf(options_);
  if (conf) rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto client = conf ? make_client(RD_KAFKA_PRODUCER, std::move(conf).value())
                     : Result<Client, std::string>(Err{conf.error()});
  if (!client) {
    log::warn("no producer for dead letters", {{"detail", client.error()}});
    return false;
  }
  client_ = std::move(client).value();
  return true;
}

void DeadLetters::produce(const DeadLetter& letter, Delivery& delivery) {
  const Record& record = letter.record;
  Headers headers = headers_of(letter, delivery.part);
  const bool has_key = record.key && delivery.part != Part::place;
  const bool has_value = record.value && delivery.part == Part::whole;
  const std::string_view key = has_key ? *record.key : std::string_view();
  const std::string_view value = has_value ? *record.value : std::string_view();
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client_.get(), RD_KAFKA_V_TOPIC(options_.dead_letter_topic.c_str()),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
      RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(&delivery), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    (void)headers.release();  // the message's now
    return;
  }
  delivery.is_settled = true;
  delivery.error = error;
}

bool DeadLetters::write(const std::vector<DeadLetter>& letters,
                        const std::function<bool()>& go_on) {
  if (letters.empty()) return true;
  if (!connect()) return false;
  std::vector<Delivery> deliveries(letters.size());
  for (std::size_t i = 0; i < letters.size(); ++i) produce(letters[i], deliveries[i]);
  bool is_over = false;
  while (!is_over) {
    rd_kafka_flush(client_.get(), kSliceMs);
    for (std::size_t i = 0; i < letters.size(); ++i) {
      while (deliveries[i].leave_out_more()) produce(letters[i], deliveries[i]);
    }
    is_over = std::ranges::all_of(deliveries, &Delivery::is_settled);
    if (!is_over && !go_on()) break;
  }
  const auto failed = std::ranges::find_if(
      deliveries, [](const Delivery& one) { return one.error != RD_KAFKA_RESP_ERR_NO_ERROR; });
  if (is_over && failed == deliveries.end()) return true;
  // Begins anew: after a fatal error there is no other way, and the report of what is still under
  // way would point at what is gone.
  client_.reset();
  if (failed == deliveries.end()) return false;
  log::warn("dead letters cannot be written; trying again",
            {{"topic", options_.dead_letter_topic}, {"detail", rd_kafka_err2str(failed->error)}});
  return false;
}

}  // namespace skyhook::kafka
