#include "domain/event_pattern.h"

#include <gmock/gmock.h>

#include <vector>

#include "domain/catalogue.h"

namespace skyhook {
namespace {

std::vector<std::string> patterns_of(std::string_view type) {
  std::vector<std::string> patterns;
  for_each_pattern_of(type, [&](std::string pattern) { patterns.push_back(std::move(pattern)); });
  return patterns;
}

TEST(EventPattern, is_a_star_alone_or_after_a_dot) {
  for (const char* text : {"*", "contact.*", "a.b.*"}) EXPECT_TRUE(is_event_pattern(text)) << text;
  for (const char* text :
       {"", "**", ".*", "contact", "contact*", "contact.", "*.created", "a.*.b"}) {
    EXPECT_FALSE(is_event_pattern(text)) << text;
  }
}

TEST(EventPattern, covers_what_begins_as_it_does) {
  EXPECT_TRUE(covers("*", "contact.created"));
  EXPECT_TRUE(covers("contact.*", "contact.created"));
  EXPECT_TRUE(covers("a.*", "a.b.c"));
  EXPECT_TRUE(covers("contact.created", "contact.created"));
  EXPECT_FALSE(covers("contact.*", "contacts.created"));
  EXPECT_FALSE(covers("contact.*", "contact"));
  EXPECT_FALSE(covers("contact.created", "contact.created.twice"));
}

TEST(EventPattern, of_a_type_are_those_that_cover_it) {
  EXPECT_THAT(patterns_of("a.b.c"), testing::ElementsAre("*", "a.*", "a.b.*"));
  EXPECT_THAT(patterns_of("plain"), testing::ElementsAre("*"));
  EXPECT_THAT(patterns_of(".odd"), testing::ElementsAre("*"));
  for (const std::string& pattern : patterns_of("a.b.c")) EXPECT_TRUE(covers(pattern, "a.b.c"));
}

TEST(EventPattern, has_to_stand_for_something_in_the_catalogue) {
  const Catalogue catalogue(std::vector<EventType>{{"order.item.sold", "Sold"}});
  for (const char* text : {"*", "contact.*", "order.*", "order.item.*", "contact.created"}) {
    EXPECT_TRUE(catalogue.has(text)) << text;
  }
  for (const char* text : {"contacts.*", "order.item.sold.*", "contact", "con*", ""}) {
    EXPECT_FALSE(catalogue.has(text)) << text;
  }
}

}  // namespace
}  // namespace skyhook
