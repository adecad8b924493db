#include "cli/samples.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "domain/catalogue.h"

namespace skyhook::cli {
namespace {

TEST(Samples, there_is_one_for_each_event_of_the_catalogue) {
  const Catalogue catalogue;
  ASSERT_EQ(samples().size(), catalogue.types().size());
  for (std::size_t i = 0; i < samples().size(); ++i) {
    EXPECT_EQ(samples()[i].event, catalogue.types()[i].name);
    EXPECT_TRUE(boost::json::parse(samples()[i].data).is_object()) << samples()[i].event;
  }
}

TEST(Samples, an_event_of_the_operators_own_has_one_too) {
  EXPECT_TRUE(boost::json::parse(sample_data("invoice.paid")).is_object());
}

}  // namespace
}  // namespace skyhook::cli
