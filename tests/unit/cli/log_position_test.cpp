#include "cli/log_position.h"

#include <gtest/gtest.h>

namespace skyhook::cli {
namespace {

LogEntry entry(std::int64_t id, std::int64_t second) {
  return {.id = id,
          .delivery_id = "",
          .event = "contact.created",
          .created_at = from_unix_micros(second * 1'000'000)};
}

TEST(LogPosition, everything_is_new_at_first_and_once) {
  LogPosition position;
  EXPECT_TRUE(position.is_new(entry(1, 5)));
  position.note(entry(1, 5));
  EXPECT_FALSE(position.is_new(entry(1, 5)));
  EXPECT_TRUE(position.is_new(entry(2, 5)));
}

TEST(LogPosition, an_entry_that_another_node_committed_late_is_new) {
  LogPosition position;
  position.note(entry(1000, 100));
  EXPECT_TRUE(position.is_new(entry(10, 99)));
  EXPECT_TRUE(position.is_new(entry(10, 40)));
  EXPECT_FALSE(position.is_new(entry(10, 39)));  // beyond the overlap
}

TEST(LogPosition, what_is_kept_is_bounded_by_the_overlap) {
  LogPosition position;
  for (int second = 0; second < 1000; ++second) position.note(entry(second, second));
  EXPECT_FALSE(position.is_new(entry(998, 998)));
  EXPECT_FALSE(position.is_new(entry(1, 1)));
  EXPECT_EQ(position.horizon(), entry(0, 939).created_at);
  EXPECT_LT(position.to_json().size(), 3000U);
}

TEST(LogPosition, survives_being_written_and_read) {
  LogPosition position;
  position.note(entry(7, 100));
  position.note(entry(9, 101));
  const auto read = LogPosition::from_json(position.to_json());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->is_new(entry(7, 100)));
  EXPECT_TRUE(read->is_new(entry(8, 100)));
  EXPECT_EQ(read->horizon(), position.horizon());
  for (const char* broken :
       {"", "[]", "{}", "{\"newest\":1}", "{\"newest\":1,\"recent\":{\"a\":1}}",
        "{\"newest\":1,\"recent\":{\"1\":\"x\"}}"}) {
    EXPECT_FALSE(LogPosition::from_json(broken)) << broken;
  }
}

TEST(LogPosition, a_damaged_file_is_refused) {
  for (const char* bad : {"", "[]", R"({"newest":1})", R"({"newest":-1,"recent":{}})",
                          R"({"newest":-9223372036854775808,"recent":{}})",
                          R"({"newest":9223372036854775807,"recent":{}})"}) {
    EXPECT_FALSE(LogPosition::from_json(bad).has_value()) << bad;
  }
}

TEST(LogPage, reads_the_entries_of_an_answer) {
  const auto page = parse_log_page(
      R"({"success":true,"data":[{"id":3,"event_type":"contact.created","delivery_id":"d",)"
      R"("created_at":"2026-03-04T12:00:00.000000Z"}],"message":""})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().id, 3);
  EXPECT_EQ(page->front().delivery_id, "d");
  EXPECT_FALSE(parse_log_page("{\"data\":{}}"));
  EXPECT_FALSE(parse_log_page("{\"data\":[{\"id\":\"x\"}]}"));
  EXPECT_FALSE(parse_log_page("<html>"));
}

}  // namespace
}  // namespace skyhook::cli
