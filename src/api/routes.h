// The routes of the API in one table, so that they can be held against the API's description.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace skyhook::api {

class Call;
using CallPtr = std::shared_ptr<Call>;
using Handler = void (*)(const CallPtr&);

enum class Access {
  account,      // an account's key; rate limited
  operators,    // the operator's token
  for_account,  // the operator's token; the route's first `{…}` names the account that it is about
  metrics,      // the operator's token, unless the configuration opens it
  open,         // anybody
};

enum class Runs {
  here,      // on the network thread: never blocks
  on_worker  // may block
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // `{name}` stands for one segment
  Access access;
  Runs runs;
  std::size_t body_limit;  // bytes; 0: the route takes no body, and what is sent is ignored
  Handler handler;
  bool body_is_optional = false;  // none at all needs no content type either
};

// Values of `{…}` in the order of the pattern.
using RouteParameters = std::array<std::string, 3>;

struct RouteMatch {
  const Route* route = nullptr;  // nullptr: the path is known, the method is not
  std::string allow;             // where not: the path's methods, such as `GET, HEAD, POST`
  Access access = Access::open;
  RouteParameters parameters;
};

// nullopt: no such path. A pattern without parameters wins over one with.
std::optional<RouteMatch> match_route(std::string_view method, std::string_view path);
// Every route, for checks.
struct RouteList {
  const Route* begin_;
  std::size_t count;
  const Route* begin() const { return begin_; }
  const Route* end() const { return begin_ + count; }
};
RouteList all_routes();

}  // namespace skyhook::api
