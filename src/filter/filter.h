// Filters on the data of events: which of a webhook's events it wants, by what they carry. A filter
// is JSON itself and matches a subset (docs/webhook-options.md has the language):
//
//   {"customer": {"plan": ["pro", "team"]}, "amount": {"$gte": 100}}
//
// Compiled once; then judged in one pass over the raw bytes, without building anything of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skyhook::filter {

inline constexpr std::size_t kFilterBytesLimit = 4096;
inline constexpr std::size_t kFilterDepthLimit =
    5;  // objects in objects, the outermost being the first
inline constexpr std::size_t kFilterValuesLimit =
    50;  // values to compare with, and names, together

struct Fields;  // the compiled form (filter.cpp)

// Constant after construction; any thread. Cheap to copy.
class Filter {
 public:
  // An error is the end of a sentence about the filter, such as `must be an object.`
  static Result<Filter, std::string> compile(std::string_view json);

 private:
  friend class Payload;
  explicit Filter(std::shared_ptr<const Fields> fields) : fields_(std::move(fields)) {}
  std::shared_ptr<const Fields> fields_;
};

// The data of one event, made ready once for any number of filters. On the stack only, and at most
// one of a thread at a time: it borrows the thread's parser.
class Payload {
 public:
  // `data`: a valid JSON object. What is not, matches no filter.
  explicit Payload(std::string_view data);
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload() = default;

  bool matches(const Filter& filter);

 private:
  struct Parser;
  static Parser& parser_of_thread();
  Parser& parser_;
  bool readable_ = false;
};

}  // namespace skyhook::filter
