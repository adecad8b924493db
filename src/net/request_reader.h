// Reads requests as RFC 9112 writes them; stricter where it lets a server choose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/http_server.h"

namespace skyhook::net {

// What the head says of the message around the request.
struct MessageFacts {
  bool keep_alive = false;
  bool is_http_11 = false;
  bool is_chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;
};

// Reads one whole head, its empty line included, into `request` and `facts`. Nothing that another
// HTTP implementation could read as a different message is accepted. 0, or the status of the error
// answer: 400, 431.
int parse_request_head(std::string_view head, std::size_t head_limit, ServerRequest& request,
                       MessageFacts& facts);

// A chunked body (RFC 9112 §7.1), fed with whatever arrived. Trailers are read and dropped.
class ChunkDecoder {
 public:
  enum class Step { need_more, data, done, bad };

  // Takes a piece off `input` and says what it was; for `data`, `piece` is part of the body.
  Step next(std::string_view& input, std::string_view& piece);

 private:
  enum class Phase { size, data, data_end, trailers, done };

  bool take_line(std::string_view line);
  bool take_size(std::string_view line);

  Phase phase_ = Phase::size;
  std::uint64_t remaining_ = 0;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace skyhook::net
