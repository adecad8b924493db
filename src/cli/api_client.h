// One request at a time to a running server: blocking, with an absolute deadline. For commands, not
// for deliveries: it dials whatever it is told to.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/url.h"

namespace skyhook::cli {

struct ApiRequest {
  std::string method;        // "GET", "POST", "PUT", "DELETE"
  std::string path;          // "/operator/v1/accounts", with the query; appended to the path of the
                             // server's URL; empty: that URL exactly as it is
  std::string body = {};     // JSON; empty: none is sent
  std::string headers = {};  // further `Name: value\r\n` lines
};

struct ApiResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
};

// Not thread-safe.
class ApiClient {
 public:
  struct Options {
    std::string
        server;  // "http://127.0.0.1:8080"; https is verified against the system's certificates
    std::string token;             // sent as a bearer token; empty: none
    Millis connect_timeout{5000};  // for each address of the server
    Millis timeout{60000};         // for everything
  };
  // The error is one line for people, as all errors here.
  static Result<ApiClient, std::string> make(Options options);

  Result<ApiResponse, std::string> send(const ApiRequest& request) const;

  // An answer that goes on, such as server-sent events: `on_body` gets what arrived, piece by
  // piece, and ends the stream by returning false. Ends too when nothing came for `timeout`. Where
  // the status is no 2xx the answer is read to its end and returned, and `on_body` not called.
  Result<ApiResponse, std::string> stream(
      const ApiRequest& request, const std::function<bool(std::string_view)>& on_body) const;

 private:
  ApiClient(Options options, net::Url url);
  std::string head(const ApiRequest& request) const;

  Options options_;
  net::Url url_;
};

inline constexpr std::size_t kApiResponseLimit = 64 * 1024 * 1024;  // bytes of an answer's body

}  // namespace skyhook::cli
