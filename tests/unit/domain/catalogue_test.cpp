#include "domain/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skyhook {
namespace {

TEST(Catalogue, is_the_seeds_in_its_order) {
  const Catalogue catalogue;
  std::vector<std::string> names;
  for (const EventType& type : catalogue.types()) {
    names.push_back(type.name);
    EXPECT_FALSE(type.description.empty());
  }
  EXPECT_THAT(names, testing::ElementsAre("contact.created", "contact.updated", "contact.deleted",
                                          "message.received", "message.sent", "booking.created",
                                          "booking.updated", "booking.cancelled",
                                          "booking.completed", "ticket.created", "ticket.replied"));
  EXPECT_EQ(catalogue.types()[1].description, "A contact's details are updated");
}

TEST(Catalogue, appends_the_operators_own) {
  const Catalogue catalogue({{"zebra.seen", "A zebra"}, {"ant.seen", "An ant"}});
  ASSERT_EQ(catalogue.types().size(), 13u);
  EXPECT_EQ(catalogue.types()[11].name, "zebra.seen");
  EXPECT_EQ(catalogue.types()[12].name, "ant.seen");
  for (const EventType& type : catalogue.types()) EXPECT_TRUE(catalogue.contains(type.name));
}

TEST(Catalogue, contains_nothing_else) {
  const Catalogue catalogue;
  for (const char* type : {"", "contact", "contact.", "contact.createdx", "Contact.Created",
                           "webhook.test", "zzz", "zebra.seen"}) {
    EXPECT_FALSE(catalogue.contains(type)) << type;
  }
  const Catalogue copy = catalogue;
  EXPECT_TRUE(copy.contains("ticket.replied"));
}

}  // namespace
}  // namespace skyhook
