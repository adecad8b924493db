// Reads one HTTP/1.1 answer (RFC 9112) from the bytes of a connection: Content-Length, chunked or
// until the end, interim (1xx) answers skipped, everything bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace skyhook::net {

class ResponseReader {
 public:
  static constexpr int kInterimLimit = 16;  // 1xx answers before the one that counts

  struct Limits {
    std::size_t head = 64 * 1024;
    std::uint64_t body = 16 * 1024 * 1024;
    std::size_t headers_kept = 16 * 1024;
    std::size_t body_kept = 16 * 1024;
  };
  // What was read so far.
  struct Answer {
    int status = 0;       // 0 before a status line
    std::string headers;  // `Name: value\r\n` lines
    std::string body;
    bool body_truncated = false;
    std::string retry_after;
  };
  enum class State { reading, complete, bad };

  explicit ResponseReader(const Limits& limits);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  // The next bytes of the connection. Not to be called again once it returned something else than
  // `reading`.
  State feed(std::string_view bytes);
  // The connection ended in order: completes an answer whose body lasts until then; `bad` is an
  // answer cut off.
  State end();

  Answer& answer();
  // After `complete`: the connection may carry another request (nothing came after the answer, and
  // both sides wish it).
  bool keep_alive() const;
  // After `bad` of feed(): what was wrong.
  const std::string& error() const { return error_; }

 private:
  class Parser;
  bool is_not_http(std::string_view bytes) const;
  std::size_t parse(std::string_view bytes);
  State fail(std::string reason);

  const Limits limits_;
  std::unique_ptr<Parser> parser_;
  Answer answer_;
  std::string unparsed_;  // the beginning of a head or chunk line whose end has not come yet
  std::string error_;
  int interim_answers_ = 0;
  bool more_came_ = false;
  bool bad_ = false;
};

}  // namespace skyhook::net
