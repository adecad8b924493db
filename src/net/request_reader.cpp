#include "net/request_reader.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <string>
#include <utility>

namespace skyhook::net {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t kHeaderCountLimit = 100;  // 431 past it
constexpr std::size_t kHeadersExpected = 12;    // room made at once: browsers send about as many
constexpr std::size_t kChunkLineLimit = 1024;   // a chunk's size line, extensions included
constexpr std::size_t kTrailerLimit = 8 * 1024;

bool iequals(std::string_view a, std::string_view lower_case) {
  return a.size() == lower_case.size() &&
         std::equal(a.begin(), a.end(), lower_case.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// nullopt: a broken escape or an escaped NUL. An escaped slash stays escaped: it is a character of
// its segment, not the end of it (RFC 3986 §2.2).
std::optional<std::string> decode_path(std::string_view text) {
  if (text.find('%') == text.npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    if (const char c = static_cast<char>(high * 16 + low); c != '/') {
      out.push_back(c);
    } else {
      out += "%2F";
    }
    i += 2;
  }
  return out;
}

// RFC 3986 §3.2.2: what a host may consist of, with its port.
constexpr auto kHostChars = [] {
  std::array<bool, 256> allowed{};
  for (const char c : std::string_view("0123456789abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=:[]%"))
    allowed[static_cast<unsigned char>(c)] = true;
  return allowed;
}();
bool is_host_char(char c) {
  return kHostChars[static_cast<unsigned char>(c)];
}

// One request head, given whole; stricter than the parser where RFC 9112 lets a server choose:
// nothing that another HTTP implementation could read as a different message is accepted.
class HeadParser final : public http::basic_parser<true> {
 public:
  explicit HeadParser(ServerRequest& request) : request_(request) {
    skip(true);
    request_.headers.reserve(kHeadersExpected);
  }

  // 0, or the status of the error answer.
  int parse(std::string_view head, std::size_t head_limit) {
    // A folded line (obs-fold) would be read differently by different readers.
    if (head.find("\n ") != head.npos || head.find("\n\t") != head.npos) return 400;
    header_limit(static_cast<std::uint32_t>(head_limit + 4));
    boost::beast::error_code error;
    put({head.data(), head.size()}, error);
    if (status_ != 0) return status_;
    if (error || !is_done()) return 400;
    facts.keep_alive = keep_alive();
    return check_message();
  }

  MessageFacts facts;

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void fail(int status, error_code& error) {
    status_ = status;
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code& error) override {
    facts.is_http_11 = version == 11;
    request_.method.assign(method.data(), method.size());
    if (!take_target({target.data(), target.size()})) fail(400, error);
  }

  bool take_target(std::string_view target) {
    if (target == "*") {
      request_.path = target;
      return request_.method == "OPTIONS";
    }
    // Absolute form (RFC 9112 §3.2.2): the authority is not ours to judge.
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (target.size() > scheme.size() && iequals(target.substr(0, scheme.size()), scheme)) {
        const std::size_t path = target.find_first_of("/?", scheme.size());
        target = path == target.npos ? "/" : target.substr(path);
      }
    }
    if (target.empty() || target[0] != '/' || target.find('#') != target.npos) return false;
    if (std::any_of(target.begin(), target.end(), [](char c) { return c < 0x21 || c == 0x7f; })) {
      return false;  // bytes of 128 and more come as negative chars
    }
    const std::size_t question = target.find('?');
    if (question != target.npos) request_.query = target.substr(question + 1);
    auto path = decode_path(target.substr(0, question));
    if (!path) return false;
    request_.path = std::move(*path);
    return true;
  }

  void on_field_impl(http::field field, string_view name, string_view value_view,
                     error_code& error) override {
    const std::string_view value(value_view.data(), value_view.size());
    if (request_.headers.size() >= kHeaderCountLimit) return fail(431, error);
    switch (field) {
      case http::field::host:
        ++hosts_;
        if (!std::all_of(value.begin(), value.end(), is_host_char)) return fail(400, error);
        break;
      case http::field::content_length: {
        std::uint64_t length = 0;
        const auto [end, fault] =
            std::from_chars(value.data(), value.data() + value.size(), length);
        if (fault != std::errc{} || end != value.data() + value.size() || facts.content_length) {
          return fail(400, error);
        }
        facts.content_length = length;
        break;
      }
      case http::field::transfer_encoding:
        if (facts.is_chunked || !iequals(value, "chunked")) return fail(400, error);
        facts.is_chunked = true;
        break;
      case http::field::expect:
        facts.expects_continue = iequals(value, "100-continue");
        break;
      default:
        break;
    }
    request_.headers.emplace_back(to_lower({name.data(), name.size()}), value);
  }

  int check_message() const {
    if (hosts_ > 1 || (hosts_ == 0 && facts.is_http_11)) return 400;
    if (facts.is_chunked && (facts.content_length || !facts.is_http_11)) return 400;
    return 0;
  }

  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  ServerRequest& request_;
  int hosts_ = 0;
  int status_ = 0;
};

}  // namespace

int parse_request_head(std::string_view head, std::size_t head_limit, ServerRequest& request,
                       MessageFacts& facts) {
  HeadParser parser(request);
  const int status = parser.parse(head, head_limit);
  facts = parser.facts;
  return status;
}

ChunkDecoder::Step ChunkDecoder::next(std::string_view& input, std::string_view& piece) {
  for (;;) {
    if (phase_ == Phase::data) {
      if (input.empty()) return Step::need_more;
      piece = input.substr(
          0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
      input.remove_prefix(piece.size());
      remaining_ -= piece.size();
      if (remaining_ == 0) phase_ = Phase::data_end;
      return Step::data;
    }
    const std::size_t end = input.find('\n');
    if (end == input.npos) {
      return input.size() > kChunkLineLimit ? Step::bad : Step::need_more;
    }
    if (end == 0 || input[end - 1] != '\r' || end > kChunkLineLimit) return Step::bad;
    const std::string_view line = input.substr(0, end - 1);
    input.remove_prefix(end + 1);
    if (!take_line(line)) return Step::bad;
    if (phase_ == Phase::done) return Step::done;
  }
}

bool ChunkDecoder::take_line(std::string_view line) {
  switch (phase_) {
    case Phase::size:
      return take_size(line);
    case Phase::data_end:
      phase_ = Phase::size;
      return line.empty();
    case Phase::trailers:
      if (line.empty()) phase_ = Phase::done;
      trailer_bytes_ += line.size();
      return trailer_bytes_ <= kTrailerLimit;
    case Phase::data:
    case Phase::done:
      break;
  }
  return false;
}

bool ChunkDecoder::take_size(std::string_view line) {
  const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), remaining_, 16);
  if (fault != std::errc{}) return false;
  const std::string_view extensions = line.substr(static_cast<std::size_t>(end - line.data()));
  if (!extensions.empty() && std::string_view("; \t").find(extensions[0]) == line.npos) {
    return false;
  }
  // A control character in an extension is how requests get smuggled past lenient readers.
  if (std::any_of(extensions.begin(), extensions.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
      })) {
    return false;
  }
  phase_ = remaining_ == 0 ? Phase::trailers : Phase::data;
  return true;
}

}  // namespace skyhook::net
