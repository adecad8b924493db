#include "apidocs/apidocs.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

namespace skyhook::apidocs {
namespace {

TEST(ApiDocs, the_document_lists_this_servers_own_events) {
  const Catalogue catalogue(std::vector<EventType>{{"order.paid", "An order is paid"}});
  const boost::json::value document = boost::json::parse(openapi_document(catalogue));
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  const boost::json::array& names =
      document.at_pointer("/components/schemas/EventName/enum").as_array();
  ASSERT_EQ(names.size(), catalogue.types().size());
  EXPECT_EQ(names.front().as_string(), "contact.created");
  EXPECT_EQ(names.back().as_string(), "order.paid");
}

TEST(ApiDocs, the_page_asks_for_nothing_and_runs_nothing) {
  const std::string_view text = page();
  EXPECT_TRUE(text.starts_with("<!doctype html>"));
  EXPECT_TRUE(text.ends_with("</html>\n"));
  for (const std::string_view forbidden :
       {"<script", "<img", "<link", "<iframe", "src=", "@import", "url(", "style=", " onclick="}) {
    EXPECT_EQ(text.find(forbidden), std::string_view::npos) << forbidden;
  }
  EXPECT_TRUE(page_policy().starts_with("default-src 'none'; style-src 'sha256-"));
}

TEST(ApiDocs, the_page_names_every_operation) {
  const boost::json::value document = boost::json::parse(openapi_document(Catalogue()));
  for (const auto& [path, item] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : item.as_object()) {
      const std::string anchor =
          "<article id=\"" + std::string(operation.at("operationId").as_string()) + '"';
      EXPECT_NE(page().find(anchor), std::string_view::npos) << path << ' ' << method;
    }
  }
}

}  // namespace
}  // namespace skyhook::apidocs
