#include "api/publish_input.h"

#include <gtest/gtest.h>

namespace skyhook::api {
namespace {

class PublishInputTest : public testing::Test {
 protected:
  PublishInput read(std::string body) { return read_publish(body, AccountId{7}, catalogue_); }
  PublishInput read_batch(std::string body) {
    return read_publish_batch(body, catalogue_, [](AccountId id) { return id.value == 7; });
  }
  static std::string errors_of(const PublishInput& input) {
    std::string text;
    for (const auto& [field, messages] : input.errors.fields()) {
      for (const auto& message : messages) text += field + ": " + message + "\n";
    }
    return text;
  }

  Catalogue catalogue_;
};

TEST_F(PublishInputTest, PassesDataThroughByteForByte) {
  const auto input = read(
      "{ \"x\": [1, {\"data\": 2}], \"data\" :  { \"a\" : 1.50, \"b\":\"\\u00e4\\/\" , \"a\":[ ]} "
      "\n ,"
      "\"event\":\" contact.created \"}");
  ASSERT_TRUE(input.is_json_object);
  ASSERT_EQ(errors_of(input), "");
  ASSERT_EQ(input.items.size(), 1u);
  EXPECT_EQ(input.items[0].account.value, 7);
  EXPECT_EQ(input.items[0].type, "contact.created");
  EXPECT_EQ(input.items[0].data, "{ \"a\" : 1.50, \"b\":\"\\u00e4\\/\" , \"a\":[ ]}");
  EXPECT_FALSE(input.items[0].idempotency_key);
}

TEST_F(PublishInputTest, HoldsDataAgainstTheSchemaOfTypesThatAreChecked) {
  std::vector<std::string> asked;
  const Catalogue catalogue({{.name = "invoice.paid",
                              .check = [&](std::string_view data) -> std::optional<std::string> {
                                asked.emplace_back(data);
                                if (data == R"({"id": 1})") return std::nullopt;
                                return R"("/id" must be an integer)";
                              }},
                             {.name = "invoice.lost"}});
  const auto read_with = [&](std::string body) {
    return read_publish(body, AccountId{7}, catalogue);
  };
  EXPECT_EQ(errors_of(read_with(R"({"event":"invoice.paid","data": {"id": 1} })")), "");
  EXPECT_EQ(errors_of(read_with(R"({"event":"invoice.paid","data":{"id":"1"}})")),
            "data: The data field does not fit the schema of invoice.paid: \"/id\" must be an "
            "integer.\n");
  EXPECT_EQ(asked, (std::vector<std::string>{R"({"id": 1})", R"({"id":"1"})"}));
  EXPECT_EQ(errors_of(read_with(R"({"event":"invoice.lost","data":{"id":"1"}})")), "");
  EXPECT_EQ(errors_of(read_with(R"({"event":"invoice.paid","data":[]})")),
            "data: The data field must be an object.\n");
  EXPECT_EQ(asked.size(), 2u) << "only an object of a checked type is asked about";

  std::string batch = R"({"events":[
    {"account_id":7,"event":"invoice.paid","data":{"id": 1}},
    {"account_id":7,"event":"invoice.paid","data":{}}]})";
  const auto input =
      read_publish_batch(batch, catalogue, [](AccountId id) { return id.value == 7; });
  EXPECT_EQ(errors_of(input),
            "events.1.data: The events.1.data field does not fit the schema of invoice.paid: "
            "\"/id\" must be an integer.\n");
}

TEST_F(PublishInputTest, KeepsNumbersBeyondEveryMachineType) {
  const auto input =
      read(R"({"event":"contact.created","data":{"n":123456789012345678901234567890,"e":1e999}})");
  ASSERT_TRUE(input.is_json_object);
  ASSERT_EQ(input.items.size(), 1u);
  EXPECT_EQ(input.items[0].data, R"({"n":123456789012345678901234567890,"e":1e999})");
}

TEST_F(PublishInputTest, JudgesWhatFollowsANumberBeyondEveryMachineType) {
  for (const char* number : {"123456789012345678901234567890", "1e999", "1e999999999999"}) {
    const std::string body =
        std::string(R"({"event":"contact.created","data":{"n":)") + number + R"( junk]}})";
    EXPECT_FALSE(read(body).is_json_object) << number;
  }
}

TEST_F(PublishInputTest, TheLastOfSeveralFieldsCounts) {
  const auto input =
      read(R"({"event":"x","data":1,"idempotency_key":"a","event":"contact.updated",)"
           R"("data":{"v":2},"\u0069dempotency_key":"b"})");
  ASSERT_EQ(errors_of(input), "");
  EXPECT_EQ(input.items[0].type, "contact.updated");
  EXPECT_EQ(input.items[0].data, R"({"v":2})");
  EXPECT_EQ(input.items[0].idempotency_key, "b");
}

TEST_F(PublishInputTest, RefusesWhatIsNotAJsonObject) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& body :
       {std::string(), std::string("x"), std::string("[]"), std::string("1"), std::string("null"),
        std::string("{"), std::string(R"({"event":"contact.created","data":{}} x)"),
        std::string(R"({"event":"contact.created","data":{"a":tru}})"),
        std::string(R"({"event":"contact.created","data":{"a":01}})"),
        std::string(R"({"event":"contact.created","data":{"a":"\q"}})"),
        std::string("{\"event\":\"contact.created\",\"data\":{\"a\":\"\xff\"}}"),
        std::string("{\"event\":\"contact.created\",\"data\":{\"a\":\"\n\"}}"),
        std::string(R"({"data":{"a":12345678901234567890123,"b":tru}})"),
        R"({"event":"contact.created","data":{"a":)" + deep + "}}"}) {
    EXPECT_FALSE(read(body).is_json_object) << body;
  }
}

TEST_F(PublishInputTest, ReportsEveryFieldAtOnce) {
  EXPECT_EQ(errors_of(read("{}")),
            "event: The event field is required.\ndata: The data field is required.\n");
  EXPECT_EQ(errors_of(read(R"({"event":null,"data":null,"idempotency_key":null})")),
            "event: The event field is required.\ndata: The data field is required.\n");
  EXPECT_EQ(errors_of(read(R"({"event":1,"data":[],"idempotency_key":{}})")),
            "event: The event field must be a string.\n"
            "data: The data field must be an object.\n"
            "idempotency_key: The idempotency key field must be a string.\n");
  EXPECT_EQ(
      errors_of(read(R"({"event":"webhook.test","data":"","idempotency_key":")" +
                     std::string(256, 'x') + "\"}")),
      "event: The selected event is invalid.\n"
      "data: The data field is required.\n"
      "idempotency_key: The idempotency key field must not be greater than 255 characters.\n");
}

TEST_F(PublishInputTest, ReadsABatchInOrder) {
  const auto input = read_batch(
      R"({"events":[{"account_id":7,"event":"contact.created","data":{"n":1}},)"
      R"( {"data":{"n":2}, "event":"contact.deleted","account_id":7,"idempotency_key":"k"}]})");
  ASSERT_TRUE(input.is_json_object);
  ASSERT_EQ(errors_of(input), "");
  ASSERT_EQ(input.items.size(), 2u);
  EXPECT_EQ(input.items[0].data, R"({"n":1})");
  EXPECT_EQ(input.items[1].type, "contact.deleted");
  EXPECT_EQ(input.items[1].idempotency_key, "k");
}

TEST_F(PublishInputTest, NamesTheItemOfABatchThatIsWrong) {
  const auto input =
      read_batch(R"({"events":[{"account_id":7,"event":"contact.created","data":{}},)"
                 R"({"account_id":8,"event":"nope","data":1},{"account_id":"x"},5]})");
  EXPECT_EQ(errors_of(input),
            "events.1.account_id: The selected events.1.account_id is invalid.\n"
            "events.1.event: The selected events.1.event is invalid.\n"
            "events.1.data: The events.1.data field must be an object.\n"
            "events.2.account_id: The events.2.account_id field must be an integer.\n"
            "events.2.event: The events.2.event field is required.\n"
            "events.2.data: The events.2.data field is required.\n"
            "events.3: The events.3 field must be an object.\n");
}

TEST_F(PublishInputTest, LimitsABatch) {
  EXPECT_EQ(errors_of(read_batch("{}")), "events: The events field is required.\n");
  EXPECT_EQ(errors_of(read_batch(R"({"events":null})")), "events: The events field is required.\n");
  EXPECT_EQ(errors_of(read_batch(R"({"events":{}})")),
            "events: The events field must be an array.\n");
  EXPECT_EQ(errors_of(read_batch(R"({"events":[]})")),
            "events: The events field must have at least 1 items.\n");
  const auto batch_of = [](int count, const std::string& data) {
    std::string body = R"({"events":[)";
    for (int i = 0; i < count; ++i) {
      if (i > 0) body += ',';
      body += R"({"account_id":7,"event":"contact.created","data":)" + data + "}";
    }
    return body + "]}";
  };
  EXPECT_EQ(read_batch(batch_of(1000, "{}")).items.size(), 1000u);
  EXPECT_EQ(errors_of(read_batch(batch_of(1001, "{}"))),
            "events: The events field must not have more than 1000 items.\n");
  EXPECT_EQ(errors_of(read_batch(
                batch_of(1, R"({"a":")" + std::string(intake::kEventBodyLimit, 'x') + "\"}"))),
            "events.0.data: The events.0.data field must not be greater than 256 kilobytes.\n");
}

TEST_F(PublishInputTest, ReadsLargeAndSmallBodiesInTurn) {
  for (const std::size_t size : {10u, 300'000u, 20u, 200'000u}) {
    const std::string data = R"({"a":")" + std::string(size, 'x') + "\"}";
    const auto input = read_batch(
        R"({"events":[{"account_id":7,"event":"contact.created","data":)" + data + "}]}");
    ASSERT_TRUE(input.is_json_object);
    if (size <= 200'000) {
      ASSERT_EQ(input.items.size(), 1u);
      EXPECT_EQ(input.items[0].data, data);
    }
  }
}

}  // namespace
}  // namespace skyhook::api
