#include "base/uuid.h"

#include <gtest/gtest.h>

#include <string>

namespace skyhook {
namespace {

constexpr std::int64_t kLargestKey = (std::int64_t{1} << 62) - 1;
const Timestamp kSomeTime = from_unix_micros(1'772'359'200'123'456);

TEST(Uuid, is_a_version_7_of_the_rfc_with_the_key_at_its_end) {
  // 0x019ca8d72d7b = 1772359200123 ms; 456 µs of it are 0x74b of 4096.
  EXPECT_EQ(make_uuid(kSomeTime, 1).to_string(), "019ca8d7-2d7b-774b-8000-000000000001");
  EXPECT_EQ(make_uuid(kSomeTime, kLargestKey).to_string(), "019ca8d7-2d7b-774b-bfff-ffffffffffff");
}

TEST(Uuid, gives_its_key_back) {
  for (const std::int64_t key : {std::int64_t{1}, std::int64_t{1024}, kLargestKey}) {
    EXPECT_EQ(key_of_uuid(make_uuid(kSomeTime, key).to_string()), key);
  }
  EXPECT_EQ(key_of_uuid("019CA8C1-7A7B-774B-8000-0000000000FF"), 255);
}

TEST(Uuid, sorts_by_time_to_within_a_microsecond) {
  EXPECT_LT(make_uuid(kSomeTime, kLargestKey).to_string(),
            make_uuid(kSomeTime + Micros{1}, 1).to_string());
}

TEST(Uuid, is_refused_where_it_is_not_ours) {
  for (const char* text :
       {"", "1024", "019ca8d7-2d7b-474b-8000-000000000001", "019ca8c1-2d7b-774b-c000-000000000001",
        "019ca8d7-2d7b-774b-0000-000000000001", "019ca8c1-2d7b-774b-8000-000000000000",
        "019ca8d7-2d7b-774b-8000-00000000000g", "019ca8c1-2d7b-774b-8000-0000000000011",
        "019ca8c17a7b774b8000000000000001", "019ca8d7-2d7b-774b-8000_000000000001",
        "{19ca8c1-2d7b-774b-8000-00000000000}"}) {
    EXPECT_EQ(key_of_uuid(text), std::nullopt) << text;
  }
}

TEST(UuidDeathTest, a_key_that_does_not_fit_is_a_broken_invariant) {
  EXPECT_DEATH(make_uuid(kSomeTime, 0), "");
  EXPECT_DEATH(make_uuid(kSomeTime, kLargestKey + 1), "");
  EXPECT_DEATH(make_uuid(from_unix_micros(-1), 1), "");
}

}  // namespace
}  // namespace skyhook
