#include "kafka/record.h"

#include <gmock/gmock.h>

#include "kafka/client.h"

namespace skyhook::kafka {
namespace {

using testing::HasSubstr;

class RecordTest : public testing::Test {
 protected:
  static Record good() {
    return {.topic = "events",
            .partition = 3,
            .offset = 41,
            .timestamp_ms = 1'700'000'000'000,
            .key = "7",
            .value = R"({ "id": 1.50 })",
            .headers = {{"event", "contact.created"}}};
  }
  std::variant<intake::PublishItem, Malformed> read(const Record& record,
                                                    AccountIn account_in = AccountIn::key) {
    return read_record(record, account_in, catalogue_, [](AccountId id) { return id.value == 7; });
  }
  std::string reason(const Record& record, AccountIn account_in = AccountIn::key) {
    const auto reading = read(record, account_in);
    const auto* malformed = std::get_if<Malformed>(&reading);
    return malformed == nullptr ? "" : malformed->reason;
  }

  Catalogue catalogue_{{{.name = "invoice.paid", .check = [](std::string_view) {
                           return std::optional<std::string>(R"("/id" must be an integer)");
                         }}}};
};

TEST_F(RecordTest, IsAnEventByteForByte) {
  const auto reading = read(good());
  const auto& item = std::get<intake::PublishItem>(reading);
  EXPECT_EQ(item.account.value, 7);
  EXPECT_EQ(item.type, "contact.created");
  EXPECT_EQ(item.data, R"({ "id": 1.50 })");
  EXPECT_EQ(item.idempotency_key, "kafka:events/3/41@1700000000000");
  EXPECT_EQ(item.traceparent, "");
}

TEST_F(RecordTest, MayNameItsAccountInAHeader) {
  Record record = good();
  record.key = "anything";
  record.headers.emplace_back("account", "8");
  record.headers.emplace_back("account", "7");
  EXPECT_EQ(reason(record, AccountIn::header), "") << "the last header of a name counts";
  EXPECT_EQ(reason(good(), AccountIn::header),
            "The record has no header account, which names the account.");
}

TEST_F(RecordTest, PassesATraceOn) {
  Record record = good();
  record.headers.emplace_back("traceparent",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(std::get<intake::PublishItem>(read(record)).traceparent, record.headers[1].second);
  record.headers[1].second = "nonsense";
  EXPECT_EQ(std::get<intake::PublishItem>(read(record)).traceparent, "");
}

TEST_F(RecordTest, SaysWhatIsWrongWithIt) {
  const auto with = [&](const std::function<void(Record&)>& change) {
    Record record = good();
    change(record);
    return reason(record);
  };
  EXPECT_EQ(with([](Record& r) { r.key.reset(); }),
            "The record has no key, which names the account.");
  for (const char* key : {"", "x", "7 ", "7.0", "99999999999999999999"}) {
    EXPECT_EQ(with([&](Record& r) { r.key = key; }), "The key is not the id of an account.") << key;
  }
  EXPECT_EQ(with([](Record& r) { r.key = "8"; }), "There is no account 8.");
  EXPECT_EQ(with([](Record& r) { r.value.reset(); }), "The record has no value.");
  for (const char* value : {"", "[]", "{", "{} {}", "1", R"({}, "event": "contact.deleted")"}) {
    EXPECT_EQ(with([&](Record& r) { r.value = value; }), "The value is not a JSON object.")
        << value;
  }
  EXPECT_EQ(with([](Record& r) { r.headers.clear(); }), "The event field is required.");
  EXPECT_EQ(with([](Record& r) { r.headers[0].second = "order.eaten"; }),
            "The selected event is invalid.");
  EXPECT_EQ(with([](Record& r) { r.headers[0].second = "invoice.paid"; }),
            R"(The data field does not fit the schema of invoice.paid: "/id" must be an integer.)");
  EXPECT_EQ(with([](Record& r) {
              r.value = R"({"x":")" + std::string(intake::kEventBodyLimit, 'x') + R"("})";
            }),
            "The value must not be greater than 256 kilobytes.");
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += R"({"a":)";
  EXPECT_EQ(with([&](Record& r) { r.value = deep + "1" + std::string(70, '}'); }),
            "The value is not a JSON object.");
}

TEST_F(RecordTest, TheLongestKeyIsOneThatTheStoreTakes) {
  Record record = good();
  record.topic = std::string(kTopicLimit, 't');
  record.partition = std::numeric_limits<std::int32_t>::max();
  record.offset = std::numeric_limits<std::int64_t>::max();
  record.timestamp_ms = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(reason(record), "");
}

TEST(KafkaOptions, AreJudgedBeforeAnythingIsOpened) {
  const auto problem = [](std::vector<Property> properties) {
    return judge({.brokers = "127.0.0.1:9092",
                  .topic = "events",
                  .group = "skyhook",
                  .dead_letter_topic = "dead",
                  .properties = std::move(properties)})
        .value_or("");
  };
  EXPECT_EQ(problem({{"security.protocol", "sasl_ssl"},
                     {"sasl.mechanism", "SCRAM-SHA-512"},
                     {"sasl.username", "a"},
                     {"sasl.password", "b;c"}}),
            "");
  EXPECT_EQ(problem({{"colour", "red"}}), "property 'colour' is not one that librdkafka knows");
  EXPECT_EQ(problem({{"session.timeout.ms", "secret"}}),
            "property 'session.timeout.ms' has a value that librdkafka does not take");
  for (const std::string own : {"enable.auto.offset.store", "request.required.acks",
                                "statistics.interval.ms", "transactional.id"}) {
    EXPECT_EQ(problem({{own, "1"}}), "property '" + own + "' is set by Skyhook itself");
  }
}

}  // namespace
}  // namespace skyhook::kafka
