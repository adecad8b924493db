#include "kafka/dead_letters.h"

#include <algorithm>
#include <memory>

#include "logging/log.h"

namespace skyhook::kafka {

namespace {

constexpr int kSliceMs = 100;
// Larger than the broker takes: the value is left out, the rest is kept.
bool is_too_large(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
}

struct HeadersDelete {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, HeadersDelete>;

void add(const Headers& headers, const std::string& name, const std::string& value) {
  rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

Headers headers_of(const DeadLetter& letter, bool with_value) {
  const Record& record = letter.record;
  Headers headers(rd_kafka_headers_new(record.headers.size() + 5));
  for (const auto& [name, value] : record.headers) add(headers, name, value);
  add(headers, "skyhook-reason", letter.reason);
  add(headers, "skyhook-topic", record.topic);
  add(headers, "skyhook-partition", std::to_string(record.partition));
  add(headers, "skyhook-offset", std::to_string(record.offset));
  if (!with_value) add(headers, "skyhook-value", "left out: larger than the broker takes");
  return headers;
}

}  // namespace

struct DeadLetters::Delivery {
  bool with_value = true;
  bool is_settled = false;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
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

void DeadLetters::produce(const DeadLetter& letter, bool with_value, Delivery& delivery) {
  const Record& record = letter.record;
  Headers headers = headers_of(letter, with_value);
  const std::string_view key = record.key ? *record.key : std::string_view();
  const std::string_view text = with_value && record.value ? *record.value : std::string_view();
  void* const payload = with_value && record.value ? const_cast<char*>(text.data()) : nullptr;
  delivery = {.with_value = with_value};
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client_.get(), RD_KAFKA_V_TOPIC(options_.dead_letter_topic.c_str()),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(payload, text.size()), RD_KAFKA_V_HEADERS(headers.get()),
      RD_KAFKA_V_OPAQUE(&delivery), RD_KAFKA_V_END);
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
  for (std::size_t i = 0; i < letters.size(); ++i) produce(letters[i], true, deliveries[i]);
  bool is_over = false;
  while (!is_over) {
    rd_kafka_flush(client_.get(), kSliceMs);
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const Delivery& one = deliveries[i];
      if (one.is_settled && one.with_value && is_too_large(one.error)) {
        produce(letters[i], false, deliveries[i]);
      }
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
