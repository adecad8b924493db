// What a filter costs: time for one event's data, made ready and judged.
//
//   filter_bench [ROUNDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "filter/filter.h"
#include "sample_event.h"

namespace skyhook::filter {
namespace {

std::string large_data(std::size_t bytes) {
  std::string data = "{";
  for (int i = 0; data.size() < bytes; ++i) data += "\"k" + std::to_string(i) + "\":\"value\",";
  return data + R"("customer":{"plan":"pro"}})";
}

std::string widest_filter() {
  std::string filter = "{";
  for (std::size_t i = 0; i < kFilterValuesLimit / 2; ++i) {
    filter += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":\"value\"";
  }
  return filter + "}";
}

void measure(const char* what, const std::string& filter_text, const std::string& data,
             long rounds) {
  const auto filter = Filter::compile(filter_text);
  if (!filter) {
    std::fprintf(stderr, "%s\n", filter.error().c_str());
    std::exit(1);
  }
  long matched = 0;
  const auto began = std::chrono::steady_clock::now();
  for (long i = 0; i < rounds; ++i) matched += Payload(data).matches(*filter);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
  std::printf("%-44s %8zu bytes  %9.3f us  %s\n", what, data.size(),
              took.count() / static_cast<double>(rounds), matched > 0 ? "matches" : "does not");
}

}  // namespace
}  // namespace skyhook::filter

int main(int argc, char** argv) {
  using namespace skyhook::filter;
  const long rounds = argc > 1 ? std::atol(argv[1]) : 200'000;
  const std::string common = R"({"customer":{"plan":["pro","team"]},"amount":{"$gte":100}})";
  measure("one name", R"({"name":"Ada Lovelace"})", skyhook::bench::contact(), rounds);
  measure("two names, a list, a comparison", common, skyhook::bench::contact(), rounds);
  measure("the same, the first name missing", common, R"({"id":1,"amount":5})", rounds);
  measure("an item of an array", R"({"tags":"vip"})", skyhook::bench::contact(), rounds);
  measure("the largest event, one name", R"({"customer":{"plan":"pro"}})", large_data(255 * 1024),
          rounds / 1000 + 1);
  measure("the largest event, the widest filter", widest_filter(), large_data(255 * 1024),
          rounds / 1000 + 1);
  return 0;
}
