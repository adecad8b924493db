// Heads of requests and chunked bodies. Nothing that another reader could take for a different
// message is accepted; pieces do not matter.
#include <algorithm>

#include "fuzz.h"
#include "net/request_reader.h"

namespace skyhook::fuzz {
namespace {

constexpr std::size_t kHeadLimit = 16 * 1024;
constexpr std::size_t kHeadersLimit = 100;

bool has_lone_line_end(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
  }
  return false;
}

void check_request(std::string_view head, const net::ServerRequest& request,
                   const net::MessageFacts& facts) {
  require(!has_lone_line_end(head), "lines end in CR LF");
  require(head.find('\0') == head.npos, "no NUL");
  require(!request.method.empty(), "a method");
  require(request.path == "*" || request.path.starts_with('/'), "a path");
  require(request.path.find('\0') == std::string::npos, "no NUL in the path");
  require(request.headers.size() <= kHeadersLimit, "bounded headers");
  int lengths = 0;
  int hosts = 0;
  for (const auto& [name, value] : request.headers) {
    require(!name.empty() && name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ \t:\r\n") == name.npos,
            "header names are lower-case tokens");
    require(value.find_first_of("\r\n") == value.npos, "header values are one line");
    if (name == "content-length") ++lengths;
    if (name == "host") ++hosts;
  }
  require(lengths <= 1 && hosts <= 1, "one length and one host at most");
  require(!(facts.is_chunked && facts.content_length), "one way to tell the length");
  require((lengths == 1) == facts.content_length.has_value(), "the length is known");
  require(facts.is_chunked == (request.header("transfer-encoding") != nullptr),
          "and so is chunking");
}

struct Decoded {
  net::ChunkDecoder::Step end = net::ChunkDecoder::Step::need_more;
  std::string body;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view whole, std::uint32_t seed, bool at_once) {
  using Step = net::ChunkDecoder::Step;
  net::ChunkDecoder decoder;
  Decoded result;
  std::string buffer;
  const auto feed = [&](std::string_view piece) {
    buffer += piece;
    std::string_view input = buffer;
    std::string_view part;
    do {
      result.end = decoder.next(input, part);
      if (result.end == Step::data) result.body += part;
    } while (result.end == Step::data);
    buffer.erase(0, buffer.size() - input.size());
    return result.end == Step::need_more;
  };
  if (at_once) {
    feed(whole);
  } else {
    in_pieces(whole, seed, feed);
  }
  return result;
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  const std::size_t end = text.find("\r\n\r\n");
  if (end != std::string::npos && end + 4 <= kHeadLimit) {
    const std::string head = text.substr(0, end + 4);  // as the server cuts it off
    net::ServerRequest request;
    net::MessageFacts facts;
    const int status = net::parse_request_head(head, kHeadLimit, request, facts);
    require(status == 0 || status == 400 || status == 431, "a known status");
    if (status == 0) check_request(head, request, facts);
  }
  const std::string body = end == std::string::npos ? text : text.substr(end + 4);
  const Decoded whole = decode(body, 0, true);
  const Decoded pieces = decode(body, seed_of(body), false);
  // A line that is too long may be refused before its end has come.
  require(whole == pieces || pieces.end == net::ChunkDecoder::Step::bad, "pieces do not matter");
  require(whole.body.size() <= body.size(), "no byte from nowhere");
  return 0;
}
