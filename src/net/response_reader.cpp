#include "net/response_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <utility>

namespace skyhook::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

constexpr std::size_t kChunkLineLimit = 4096;
constexpr std::size_t kShortestLastChunk = 5;  // a zero and two line ends

}  // namespace

class ResponseReader::Parser final : public http::basic_parser<false> {
 public:
  Parser(const Limits& limits, Answer& answer) : limits_(limits), answer_(answer) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(limits.head));
    body_limit(limits.body);
  }

 private:
  using Text = boost::beast::string_view;

  void on_request_impl(http::verb, Text, Text, int, error_code&) override {}
  void on_response_impl(int code, Text, int, error_code& error) override {
    answer_.status = code;
    if (code < 100) error = http::error::bad_status;  // RFC 9110 §15
  }

  void on_field_impl(http::field field, Text name, Text value, error_code&) override {
    if (is_header_done()) return;  // a chunked body's trailer
    if (field == http::field::retry_after && answer_.retry_after.empty()) {
      answer_.retry_after.assign(value.data(), value.size());
    }
    std::string& kept = answer_.headers;
    if (kept.size() + name.size() + value.size() + 4 > limits_.headers_kept) return;
    kept.append(name.data(), name.size()).append(": ");
    kept.append(value.data(), value.size()).append("\r\n");
  }

  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text body, error_code&) override { return keep(body); }
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, error_code&) override {
    return keep(body);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t keep(Text body) {
    const std::size_t room = limits_.body_kept - answer_.body.size();
    answer_.body.append(body.data(), std::min(room, body.size()));
    if (body.size() > room) answer_.body_truncated = true;
    return body.size();
  }

  const Limits& limits_;
  Answer& answer_;
};

ResponseReader::ResponseReader(const Limits& limits)
    : limits_(limits), parser_(std::make_unique<Parser>(limits_, answer_)) {}

ResponseReader::~ResponseReader() = default;

ResponseReader::State ResponseReader::feed(std::string_view bytes) {
  if (unparsed_.empty()) {
    const std::size_t used = parse(bytes);
    unparsed_.assign(bytes.substr(used));
  } else {
    unparsed_.append(bytes);
    // Beast asserts that there is this much where it has seen the first part of a last chunk, and
    // no chunked answer ends in less.
    const bool in_chunks = parser_->is_header_done() && parser_->chunked();
    if (in_chunks && unparsed_.size() < kShortestLastChunk) return State::reading;
    unparsed_.erase(0, parse(unparsed_));
  }
  if (bad_) return State::bad;
  if (!parser_->is_done()) {
    const std::size_t limit = parser_->is_header_done() ? kChunkLineLimit : limits_.head;
    return unparsed_.size() > limit ? fail("a line of the answer is too long") : State::reading;
  }
  more_came_ = !unparsed_.empty();
  return State::complete;
}

ResponseReader::State ResponseReader::end() {
  if (!parser_->is_header_done() || !parser_->need_eof()) return State::bad;
  error_code error;
  parser_->put_eof(error);
  return error ? State::bad : State::complete;
}

ResponseReader::Answer& ResponseReader::answer() {
  return answer_;
}

bool ResponseReader::keep_alive() const {
  return !more_came_ && parser_->keep_alive();
}

// True where `bytes`, the beginning of an answer, cannot become one: no need to wait for its first
// line's end.
bool ResponseReader::is_not_http(std::string_view bytes) const {
  constexpr std::string_view kBeginning = "HTTP/";
  return answer_.status == 0 &&
         bytes.substr(0, kBeginning.size()) != kBeginning.substr(0, bytes.size());
}

// Returns how many of `bytes` it has done with; sets bad_ where they are no answer.
std::size_t ResponseReader::parse(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !parser_->is_done()) {
    if (is_not_http(bytes.substr(used))) {
      fail("not an HTTP answer");
      break;
    }
    error_code error;
    const std::size_t taken = parser_->put({bytes.data() + used, bytes.size() - used}, error);
    used += taken;
    if (error == http::error::need_more) break;
    if (error) {
      fail(error.message());
      break;
    }
    if (!parser_->is_done() || answer_.status >= 200) continue;
    if (answer_.status == 101 || ++interim_answers_ > kInterimLimit) {
      fail(answer_.status == 101 ? "switches protocols unasked" : "too many interim answers");
      break;
    }
    answer_ = {};
    parser_ = std::make_unique<Parser>(limits_, answer_);
  }
  return used;
}

ResponseReader::State ResponseReader::fail(std::string reason) {
  bad_ = true;
  error_ = std::move(reason);
  return State::bad;
}

}  // namespace skyhook::net
