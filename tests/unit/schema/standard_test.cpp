// The official test suite of JSON Schema (Debian's json-schema-test-suite): what this judges, it
// judges as the standard says; what it does not judge, it refuses.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "schema/schema.h"

namespace skyhook::schema {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

const fs::path kSuite = "/usr/share/json-schema-test-suite/tests/draft7";

// Schemas that are refused: they refer to other documents, have an $id below the top, or
// definitions outside of `$defs` and `definitions`.
const std::set<std::string> kRefused{
    "valid definition",
    "invalid definition",
    "remote ref, containing refs itself",
    "escaped pointer ref",
    "Recursive references between schemas",
};
// draft-07 ignores what stands beside a $ref; the versions after it do not.
const std::set<std::string> kOtherwise{"ref overrides any sibling keywords"};

json::array read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_array();
}

struct Counts {
  int judged = 0;
  int refused = 0;
};

Counts run(const fs::path& path) {
  Counts counts;
  const json::array groups = read(path);
  for (const json::value& group : groups) {
    const std::string what(group.at("description").as_string());
    const auto schema = Schema::compile(json::serialize(group.at("schema")));
    if (!schema) {
      ++counts.refused;
      EXPECT_TRUE(kRefused.contains(what)) << path << ": " << what << ": " << schema.error();
      continue;
    }
    if (kOtherwise.contains(what)) continue;
    for (const json::value& test : group.at("tests").as_array()) {
      ++counts.judged;
      const auto fault = schema->check(json::serialize(test.at("data")));
      EXPECT_EQ(!fault, test.at("valid").as_bool())
          << path << ": " << what << ": " << test.at("description").as_string() << ": "
          << fault.value_or("fits");
    }
  }
  return counts;
}

TEST(JsonSchemaTestSuite, AgreesWithTheStandard) {
  ASSERT_TRUE(fs::exists(kSuite)) << "apt-get install json-schema-test-suite";
  Counts all;
  for (const fs::directory_entry& file : fs::directory_iterator(kSuite)) {
    if (!file.is_regular_file() || file.path().filename() == "refRemote.json") continue;
    const Counts counts = run(file.path());
    all.judged += counts.judged;
    all.refused += counts.refused;
  }
  EXPECT_GT(all.judged, 380);
  EXPECT_EQ(all.refused, static_cast<int>(kRefused.size()));
}

TEST(JsonSchemaTestSuite, AgreesOnNumbersThatAreIntegersAndOnFormats) {
  for (const char* name : {"optional/zeroTerminatedFloats.json", "optional/format/email.json",
                           "optional/format/ipv4.json"}) {
    EXPECT_GT(run(kSuite / name).judged, 0) << name;
  }
}

TEST(JsonSchemaTestSuite, NothingIsFetched) {
  const json::array groups = read(kSuite / "refRemote.json");
  for (const json::value& group : groups) {
    EXPECT_FALSE(Schema::compile(json::serialize(group.at("schema"))))
        << group.at("description").as_string();
  }
}

}  // namespace
}  // namespace skyhook::schema
