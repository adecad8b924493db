#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <utility>

#include "logging/log.h"
#include "net/request_reader.h"

namespace skyhook::net {

namespace {

constexpr std::size_t kReadBufferBytes = 64 * 1024;       // shared by the connections of a loop
constexpr std::size_t kStreamBacklogLimit = 1024 * 1024;  // unread bytes of a streamed answer
constexpr std::size_t kLargeBodyBytes = 256 * 1024;       // larger ones share body_memory_limit
// Capacity beyond a body's length, for parsers that read a little past the end.
constexpr std::size_t kBodySlack = 64;
// After an answer that ends the connection, what the client still sends is read and thrown away for
// a while: closing at once would reset the connection and could take the answer with it.
constexpr std::size_t kLingerBytes = 64 * 1024 * 1024;
constexpr Millis kLingerTime{10'000};
constexpr std::size_t kKeptCapacity = 1024;  // of a buffer, by a connection that waits
constexpr int kAcceptsARound = 64;
// Pipelined requests of a connection that are handled before others have their turn: a buffer holds
// a thousand small ones.
constexpr std::uint64_t kRequestsATurn = 16;
constexpr Millis kAcceptPause{100};  // after running out of file descriptors

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

std::string imf_date(Timestamp now) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return text.data();
}

std::string address_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(),
              text.size());
  } else {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text.data(),
              text.size());
  }
  return text.data();
}

// What a stream and its connection share; outlives both.
struct StreamState {
  std::atomic<bool> closed{false};
  std::atomic<std::size_t> unread{0};  // bytes queued and not yet taken by the kernel
};

}  // namespace

const std::string* ServerRequest::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return &value;
  }
  return nullptr;
}

// --- the server ---------------------------------------------------------------------------------

class HttpServer::Impl final : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  using Connections = std::list<std::shared_ptr<Responder::Connection>>;

  Impl(Loop& loop_, Options options_, Handler handler_, ErrorBody error_body_, Refusal refusal_);
  ~Impl();
  void serve(int listen_fd);
  void accept_from(int listen_fd);
  void drain(std::function<void()> done);
  void close_everything();

  // From connections.
  void connection_closed(Connections::iterator self, bool was_waiting);
  void mark_waiting(Connections::iterator self) { waiting_.splice(waiting_.end(), busy_, self); }
  void mark_busy(Connections::iterator self) { busy_.splice(busy_.end(), waiting_, self); }
  const std::string& date();

  Loop& loop;
  const Options options;
  const Handler handler;
  const ErrorBody error_body;
  const Refusal refusal;  // may be empty
  std::vector<char> read_buffer;
  std::size_t large_body_bytes = 0;
  bool draining = false;
  std::atomic<std::size_t> open_connections{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};

 private:
  class Listener;
  bool make_room();
  void admit(int fd, const sockaddr_storage& address);
  void refuse(int fd);
  void pause_accepting();
  void finish_drain_when_empty();

  std::vector<std::unique_ptr<Listener>> listeners_;
  Connections waiting_;  // for a complete request head; longest first
  Connections busy_;
  std::function<void()> drained_;
  Timer accept_pause_;
  std::string date_;
  std::int64_t date_second_ = -1;
};

// --- one connection -----------------------------------------------------------------------------

class Responder::Connection final : public IoHandler,
                                    public std::enable_shared_from_this<Responder::Connection> {
 public:
  Connection(HttpServer::Impl& server, int fd, std::string remote_address)
      : loop(server.loop),
        server_(&server),
        fd_(fd),
        remote_address_(std::move(remote_address)),
        timer_([this] { on_timeout(); }) {}
  ~Connection() override = default;

  void start(HttpServer::Impl::Connections::iterator self) {
    self_ = self;
    loop.watch(fd_, EPOLLIN, this);
    loop.arm(timer_, server_->options.idle_timeout);
  }

  void on_io(std::uint32_t events) override;
  void close();
  void drain();

  // Loop thread: the answer to request `number`, ignored where it is not owed any more.
  void answer(std::uint64_t number, ServerResponse response);
  void answer_unanswered(std::uint64_t number);
  void begin_stream(std::uint64_t number, const ServerResponse& head,
                    std::shared_ptr<StreamState> state);
  void write_stream(std::string framed);
  void end_stream();

  Loop& loop;

 private:
  enum class State {
    head,       // waiting for, or in, a request head
    body,       // in a request body
    handling,   // the answer is owed
    writing,    // the answer did not fit the socket's buffer
    streaming,  // the answer goes on
    lingering,  // answered for the last time; reading off what still comes
    closed,
  };

  void read();
  void consume(std::string_view fresh);
  void consume_rest();
  void let_others_go_first();
  std::size_t take_head(std::string_view input);
  std::size_t take_body(std::string_view input);
  std::size_t take_chunks(std::string_view input);
  bool append_body(std::string_view piece);
  void begin_body();
  void dispatch();
  void fail(int status);
  std::string make_head(const ServerResponse& response, bool is_stream);
  void flush();
  void forget_sent();
  void answer_sent();
  void linger();
  void on_timeout();
  void watch_for(std::uint32_t events);
  void release_body_memory();
  bool body_expected() const { return facts_.is_chunked || facts_.content_length.value_or(0) > 0; }

  HttpServer::Impl* server_;  // nullptr once closed
  int fd_;
  const std::string remote_address_;
  HttpServer::Impl::Connections::iterator self_;
  State state_ = State::head;
  bool is_waiting_ = true;      // in the server's waiting list
  bool dispatching_ = false;    // the handler runs, below us on the stack
  bool head_begun_ = false;     // the first byte of a request is here
  bool large_counted_ = false;  // the body's bytes are in large_body_bytes
  bool is_head_method_ = false;
  bool closing_ = false;      // the present answer is the last one
  bool body_unread_ = false;  // it was given before the request was read to its end
  std::uint32_t watched_ = EPOLLIN;
  std::uint64_t request_number_ = 0;
  MessageFacts facts_;
  ServerRequest request_;
  ChunkDecoder chunks_;
  std::string in_;  // arrived, not yet understood
  std::string out_head_;
  std::string out_body_;
  std::size_t out_sent_ = 0;  // of head and body together
  std::size_t lingered_ = 0;
  std::shared_ptr<StreamState> stream_;
  bool stream_ending_ = false;
  Timer timer_;
};

void Responder::Connection::on_io(std::uint32_t events) {
  const auto keep = shared_from_this();
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    // Both directions are gone: nobody is left to answer.
    if ((events & EPOLLIN) == 0 || state_ == State::handling || state_ == State::writing ||
        state_ == State::streaming) {
      return close();
    }
  }
  if ((events & EPOLLOUT) != 0) flush();
  if (state_ != State::closed && (events & EPOLLIN) != 0) read();
}

void Responder::Connection::read() {
  if (state_ == State::handling || state_ == State::writing) {
    // A pipelined request, or the client's end: left in the socket until this one is answered.
    return watch_for(watched_ & ~std::uint32_t{EPOLLIN});
  }
  auto& buffer = server_->read_buffer;
  const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return close();
  }
  if (n == 0) return close();
  const std::string_view fresh(buffer.data(), static_cast<std::size_t>(n));
  if (state_ == State::streaming) return;  // nothing is expected from the client any more
  if (state_ == State::lingering) {
    lingered_ += fresh.size();
    if (lingered_ > kLingerBytes) close();
    return;
  }
  consume(fresh);
}

void Responder::Connection::consume(std::string_view fresh) {
  const bool buffered = !in_.empty();
  if (buffered) in_.append(fresh);
  std::string_view input = buffered ? std::string_view(in_) : fresh;
  const std::uint64_t last_of_turn = request_number_ + kRequestsATurn;
  while ((state_ == State::head || state_ == State::body) && request_number_ < last_of_turn) {
    const std::size_t used = state_ == State::head ? take_head(input) : take_body(input);
    input.remove_prefix(used);
    if (used == 0) break;
  }
  if (state_ == State::closed || state_ == State::lingering) {
    in_.clear();
  } else if (buffered) {
    in_.erase(0, in_.size() - input.size());
  } else {
    in_.assign(input);
  }
  if (state_ == State::head && !in_.empty() && request_number_ >= last_of_turn) {
    let_others_go_first();
  }
}

void Responder::Connection::consume_rest() {
  const std::string rest = std::exchange(in_, {});
  consume(rest);
}

void Responder::Connection::let_others_go_first() {
  watch_for(watched_ & ~std::uint32_t{EPOLLIN});  // until then only its end changes the state
  loop.post([keep = shared_from_this()] {
    if (keep->state_ != State::head) return;
    keep->watch_for(EPOLLIN);
    keep->consume_rest();
  });
}

std::size_t Responder::Connection::take_head(std::string_view input) {
  const std::size_t whole = input.size();
  while (input.size() >= 2 && input[0] == '\r' && input[1] == '\n') input.remove_prefix(2);
  const std::size_t skipped = whole - input.size();
  if (input.empty()) return skipped;
  const HttpServer::Options& options = server_->options;
  const std::size_t end = input.find("\r\n\r\n");
  if (end == input.npos) {
    if (!head_begun_) {
      head_begun_ = true;
      loop.arm(timer_, options.head_timeout);
    }
    if (input.size() > options.head_limit) {
      fail(431);
    } else if (input[0] <= ' ' || input[0] == 0x7f || input.find("\n\n") != input.npos) {
      // Not HTTP, such as a TLS hello: no need to wait for more of it.
      fail(400);
    }
    return skipped;
  }
  const std::size_t length = end + 4;
  if (length > options.head_limit) {
    fail(431);
    return skipped;
  }
  request_ = {};
  const int error =
      parse_request_head(input.substr(0, length), options.head_limit, request_, facts_);
  is_head_method_ = request_.method == "HEAD";
  if (error != 0) {
    fail(error);
  } else {
    begin_body();
  }
  return skipped + length;
}

void Responder::Connection::begin_body() {
  server_->mark_busy(self_);
  is_waiting_ = false;
  closing_ = !facts_.keep_alive;
  request_.remote_address = remote_address_;
  if (facts_.content_length.value_or(0) > server_->options.body_limit) return fail(413);
  if (!body_expected()) return dispatch();
  state_ = State::body;
  chunks_ = {};
  loop.arm(timer_, server_->options.body_timeout);
  if (facts_.content_length) {
    request_.body.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(*facts_.content_length, kLargeBodyBytes)) +
        kBodySlack);
  }
  if (facts_.expects_continue && facts_.is_http_11) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    // Best effort: the buffer of a connection that waits for it is empty.
    (void)::send(fd_, kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  }
}

std::size_t Responder::Connection::take_body(std::string_view input) {
  if (facts_.is_chunked) return take_chunks(input);
  const std::size_t missing =
      static_cast<std::size_t>(*facts_.content_length) - request_.body.size();
  const std::string_view piece = input.substr(0, missing);
  if (!append_body(piece)) return piece.size();
  if (piece.size() == missing) dispatch();
  return piece.size();
}

std::size_t Responder::Connection::take_chunks(std::string_view input) {
  const std::size_t whole = input.size();
  for (;;) {
    std::string_view piece;
    switch (chunks_.next(input, piece)) {
      case ChunkDecoder::Step::data:
        if (!append_body(piece)) return whole - input.size();
        break;
      case ChunkDecoder::Step::need_more:
        return whole - input.size();
      case ChunkDecoder::Step::bad:
        fail(400);
        return whole - input.size();
      case ChunkDecoder::Step::done:
        dispatch();
        return whole - input.size();
    }
  }
}

bool Responder::Connection::append_body(std::string_view piece) {
  std::string& body = request_.body;
  if (body.size() + piece.size() > server_->options.body_limit) {
    fail(413);
    return false;
  }
  if (body.size() + piece.size() > kLargeBodyBytes) {
    if (!large_counted_) {
      large_counted_ = true;
      server_->large_body_bytes += body.size();
    }
    server_->large_body_bytes += piece.size();
    if (server_->large_body_bytes > server_->options.body_memory_limit) {
      body.append(piece);  // so that the count is given back whole
      fail(503);
      return false;
    }
  }
  body.append(piece);
  return true;
}

void Responder::Connection::release_body_memory() {
  if (large_counted_) server_->large_body_bytes -= request_.body.size();
  large_counted_ = false;
}

void Responder::Connection::dispatch() {
  release_body_memory();
  state_ = State::handling;
  head_begun_ = false;
  timer_.cancel();
  ++request_number_;
  dispatching_ = true;
  server_->handler(std::exchange(request_, {}), Responder(shared_from_this(), request_number_));
  dispatching_ = false;
}

// An error that the server finds by itself ends the connection: what follows cannot be trusted.
void Responder::Connection::fail(int status) {
  release_body_memory();
  if (is_waiting_) {
    server_->mark_busy(self_);
    is_waiting_ = false;
  }
  timer_.cancel();
  closing_ = true;
  body_unread_ = true;
  state_ = State::handling;
  ++request_number_;
  ServerRequest request = std::exchange(request_, {});
  if (request.path.empty() || !server_->refusal) {
    return answer(request_number_, server_->error_body(status));
  }
  server_->refusal(status, std::move(request), Responder(shared_from_this(), request_number_));
}

std::string Responder::Connection::make_head(const ServerResponse& response, bool is_stream) {
  std::string head;
  head.reserve(256);
  head += "HTTP/1.1 ";
  head += std::to_string(response.status);
  head += ' ';
  head += reason_phrase(response.status);
  head += "\r\nDate: ";
  head += server_->date();
  head += "\r\n";
  for (const auto& [name, value] : response.headers) {
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  if (is_stream) {
    if (facts_.is_http_11) head += "Transfer-Encoding: chunked\r\n";
  } else if (response.status != 204 && response.status != 304) {
    head += "Content-Length: ";
    head += std::to_string(response.body.size());
    head += "\r\n";
  }
  if (closing_) {
    head += "Connection: close\r\n";
  } else if (!facts_.is_http_11) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  return head;
}

void Responder::Connection::answer(std::uint64_t number, ServerResponse response) {
  if (state_ != State::handling || number != request_number_) return;
  const auto keep = shared_from_this();
  if (server_->draining) closing_ = true;
  out_head_ = make_head(response, false);
  const bool has_body = !is_head_method_ && response.status != 204 && response.status != 304;
  out_body_ = has_body ? std::move(response.body) : std::string();
  out_sent_ = 0;
  state_ = State::writing;
  flush();
}

void Responder::Connection::answer_unanswered(std::uint64_t number) {
  if (state_ != State::handling || number != request_number_) return;
  answer(number, server_->error_body(500));
}

void Responder::Connection::flush() {
  if (state_ != State::writing && state_ != State::streaming) return;
  const std::size_t total = out_head_.size() + out_body_.size();
  while (out_sent_ < total) {
    std::array<iovec, 2> pieces{};
    std::size_t count = 0;
    if (out_sent_ < out_head_.size()) {
      pieces[count++] = {out_head_.data() + out_sent_, out_head_.size() - out_sent_};
    }
    const std::size_t body_sent = out_sent_ > out_head_.size() ? out_sent_ - out_head_.size() : 0;
    if (body_sent < out_body_.size()) {
      pieces[count++] = {out_body_.data() + body_sent, out_body_.size() - body_sent};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return close();
      forget_sent();
      watch_for(watched_ | EPOLLOUT);
      if (!timer_.armed()) loop.arm(timer_, server_->options.write_timeout);
      return;
    }
    out_sent_ += static_cast<std::size_t>(n);
    if (stream_) {
      stream_->unread -= static_cast<std::size_t>(n);
      timer_.cancel();  // a stream has no end to be late for; standing still is what counts
    }
  }
  out_head_.clear();
  out_body_.clear();
  out_sent_ = 0;
  if (state_ == State::writing || stream_ending_) {
    answer_sent();
  } else if ((watched_ & EPOLLOUT) != 0) {
    watch_for(EPOLLIN);
  }
}

// A stream may go on for ever without once being read up to its end. What was sent is taken off
// only once it is half of all, or a client that reads little by little would have all the rest
// moved each time.
void Responder::Connection::forget_sent() {
  if (!stream_ || out_sent_ < out_head_.size()) return;
  const std::size_t body_sent = out_sent_ - out_head_.size();
  if (body_sent < out_body_.size() / 2) return;
  out_body_.erase(0, body_sent);
  out_head_.clear();
  out_sent_ = 0;
}

void Responder::Connection::answer_sent() {
  if (stream_) {
    stream_->closed = true;
    stream_ = nullptr;
    stream_ending_ = false;
  }
  if (closing_ || server_->draining) return linger();
  if (out_body_.capacity() > kKeptCapacity) out_body_ = {};
  state_ = State::head;
  server_->mark_waiting(self_);
  is_waiting_ = true;
  loop.arm(timer_, server_->options.idle_timeout);
  watch_for(EPOLLIN);
  // While the handler runs, the loop in consume() goes on by itself.
  if (!dispatching_ && !in_.empty()) consume_rest();
}

void Responder::Connection::begin_stream(std::uint64_t number, const ServerResponse& head,
                                         std::shared_ptr<StreamState> state) {
  if (state_ != State::handling || number != request_number_ || server_->draining) {
    state->closed = true;
    if (state_ == State::handling && number == request_number_) answer_unanswered(number);
    return;
  }
  const auto keep = shared_from_this();
  if (!facts_.is_http_11) closing_ = true;
  out_head_ = make_head(head, true);
  out_sent_ = 0;
  if (is_head_method_) {
    state->closed = true;
    state_ = State::writing;
    return flush();
  }
  state->unread += out_head_.size();
  stream_ = std::move(state);
  state_ = State::streaming;
  watch_for(EPOLLIN);
  flush();
}

void Responder::Connection::write_stream(std::string framed) {
  if (state_ != State::streaming || stream_ending_) return;
  const auto keep = shared_from_this();
  if (facts_.is_http_11) {
    std::array<char, 24> size{};
    const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", framed.size());
    out_body_.append(size.data(), static_cast<std::size_t>(n));
    framed += "\r\n";
    stream_->unread += static_cast<std::size_t>(n) + 2;
  }
  out_body_ += framed;
  flush();
}

void Responder::Connection::end_stream() {
  if (state_ != State::streaming || stream_ending_) return;
  const auto keep = shared_from_this();
  stream_ending_ = true;
  if (facts_.is_http_11) {
    out_body_ += "0\r\n\r\n";
    stream_->unread += 5;
  }
  if (stream_->unread > kStreamBacklogLimit) return close();
  flush();
}

void Responder::Connection::linger() {
  if (!body_unread_) return close();
  state_ = State::lingering;
  in_.clear();
  ::shutdown(fd_, SHUT_WR);
  loop.arm(timer_, kLingerTime);
  watch_for(EPOLLIN);
}

void Responder::Connection::on_timeout() {
  const auto keep = shared_from_this();
  if (state_ == State::body || (state_ == State::head && head_begun_)) return fail(408);
  close();
}

void Responder::Connection::watch_for(std::uint32_t events) {
  if (events == watched_ || fd_ < 0) return;
  watched_ = events;
  loop.rewatch(fd_, events, this);
}

void Responder::Connection::close() {
  if (state_ == State::closed) return;
  const auto keep = shared_from_this();
  release_body_memory();
  state_ = State::closed;
  timer_.cancel();
  if (stream_) stream_->closed = true;
  stream_ = nullptr;
  loop.unwatch(fd_);
  ::close(fd_);
  fd_ = -1;
  request_ = {};
  in_ = {};
  out_head_ = {};
  out_body_ = {};
  std::exchange(server_, nullptr)->connection_closed(self_, is_waiting_);
}

void Responder::Connection::drain() {
  if (state_ == State::head && !head_begun_) return close();
  if (state_ == State::streaming) end_stream();
}

// --- the server's own work ----------------------------------------------------------------------

class HttpServer::Impl::Listener final : public IoHandler {
 public:
  Listener(Impl& server, int listen_fd) : fd(listen_fd), server_(server) {}
  ~Listener() override { ::close(fd); }
  void on_io(std::uint32_t) override { server_.accept_from(fd); }

  const int fd;

 private:
  Impl& server_;
};

HttpServer::Impl::Impl(Loop& loop_, Options options_, Handler handler_, ErrorBody error_body_,
                       Refusal refusal_)
    : loop(loop_),
      options(options_),
      handler(std::move(handler_)),
      error_body(std::move(error_body_)),
      refusal(std::move(refusal_)),
      read_buffer(kReadBufferBytes) {
  accept_pause_.on_expiry = [this] {
    for (const auto& listener : listeners_) loop.rewatch(listener->fd, EPOLLIN, listener.get());
  };
}

HttpServer::Impl::~Impl() {
  close_everything();
}

void HttpServer::Impl::serve(int listen_fd) {
  listeners_.push_back(std::make_unique<Listener>(*this, listen_fd));
  loop.watch(listen_fd, EPOLLIN, listeners_.back().get());
}

void HttpServer::Impl::accept_from(int listen_fd) {
  for (int i = 0; i < kAcceptsARound; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int fd = ::accept4(listen_fd, reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd, address);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!make_room()) return pause_accepting();
      continue;
    }
    return;
  }
}

// Closes the connection that has been waiting for a request the longest.
bool HttpServer::Impl::make_room() {
  if (waiting_.empty()) return false;
  const auto longest = waiting_.front();
  longest->close();
  return true;
}

void HttpServer::Impl::pause_accepting() {
  log::warn("out of file descriptors, new connections wait");
  for (const auto& listener : listeners_) loop.rewatch(listener->fd, 0, listener.get());
  loop.arm(accept_pause_, kAcceptPause);
}

void HttpServer::Impl::admit(int fd, const sockaddr_storage& address) {
  if (open_connections >= options.connection_limit && !make_room()) return refuse(fd);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ++accepted;
  ++open_connections;
  waiting_.push_back(std::make_shared<Responder::Connection>(*this, fd, address_text(address)));
  waiting_.back()->start(std::prev(waiting_.end()));
}

void HttpServer::Impl::refuse(int fd) {
  ++refused;
  const ServerResponse response = error_body(503);
  std::string text = "HTTP/1.1 503 Service Unavailable\r\nDate: " + date() + "\r\n";
  for (const auto& [name, value] : response.headers)
    text.append(name).append(": ").append(value).append("\r\n");
  text += "Content-Length: " + std::to_string(response.body.size()) +
          "\r\nConnection: close\r\n\r\n" + response.body;
  (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  ::close(fd);
}

void HttpServer::Impl::connection_closed(Connections::iterator self, bool was_waiting) {
  --open_connections;
  (was_waiting ? waiting_ : busy_).erase(self);
  finish_drain_when_empty();
}

const std::string& HttpServer::Impl::date() {
  const std::int64_t second =
      std::chrono::floor<std::chrono::seconds>(loop.now()).time_since_epoch().count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = imf_date(loop.now());
  }
  return date_;
}

void HttpServer::Impl::drain(std::function<void()> done) {
  draining = true;
  drained_ = std::move(done);
  accept_pause_.cancel();
  for (const auto& listener : listeners_) loop.unwatch(listener->fd);
  listeners_.clear();
  const auto everyone = [this] {
    std::vector<std::shared_ptr<Responder::Connection>> all(waiting_.begin(), waiting_.end());
    all.insert(all.end(), busy_.begin(), busy_.end());
    return all;
  }();
  for (const auto& connection : everyone) connection->drain();
  finish_drain_when_empty();
}

void HttpServer::Impl::finish_drain_when_empty() {
  if (!draining || !drained_ || !waiting_.empty() || !busy_.empty()) return;
  // Later, so that the caller may destroy the server in it.
  loop.post(std::exchange(drained_, nullptr));
}

void HttpServer::Impl::close_everything() {
  drained_ = nullptr;
  accept_pause_.cancel();
  for (const auto& listener : listeners_) loop.unwatch(listener->fd);
  listeners_.clear();
  while (!waiting_.empty()) std::shared_ptr(waiting_.front())->close();
  while (!busy_.empty()) std::shared_ptr(busy_.front())->close();
}

HttpServer::HttpServer(Loop& loop, Options options, Handler handler, ErrorBody error_body,
                       Refusal refusal)
    : impl_(std::make_shared<Impl>(loop, options, std::move(handler), std::move(error_body),
                                   std::move(refusal))) {}
HttpServer::~HttpServer() {
  impl_->close_everything();
}
void HttpServer::serve(int listen_fd) {
  impl_->serve(listen_fd);
}
void HttpServer::drain(std::function<void()> done) {
  impl_->drain(std::move(done));
}
HttpServer::Counters HttpServer::counters() const {
  return {.open_connections = impl_->open_connections,
          .accepted = impl_->accepted,
          .refused = impl_->refused};
}

// --- answers from any thread --------------------------------------------------------------------

namespace {

class PostedStream final : public ResponseStream {
 public:
  PostedStream(std::weak_ptr<Responder::Connection> connection, Loop& loop,
               std::shared_ptr<StreamState> state)
      : connection_(std::move(connection)), loop_(loop), state_(std::move(state)) {}
  ~PostedStream() override { end(); }

  bool write(std::string chunk) override {
    if (chunk.empty()) return !state_->closed;
    if (state_->closed) return false;
    if (state_->unread.fetch_add(chunk.size()) + chunk.size() > kStreamBacklogLimit) {
      if (!state_->closed.exchange(true)) {
        loop_.post([connection = connection_] {
          if (const auto alive = connection.lock()) alive->close();
        });
      }
      return false;
    }
    loop_.post([connection = connection_, chunk = std::move(chunk)]() mutable {
      if (const auto alive = connection.lock()) alive->write_stream(std::move(chunk));
    });
    return true;
  }
  void close() override { end(); }

 private:
  void end() {
    if (state_->closed.exchange(true)) return;
    loop_.post([connection = connection_] {
      if (const auto alive = connection.lock()) alive->end_stream();
    });
  }

  const std::weak_ptr<Responder::Connection> connection_;
  Loop& loop_;
  const std::shared_ptr<StreamState> state_;
};

}  // namespace

Responder::Responder(std::shared_ptr<Connection> connection, std::uint64_t request_number)
    : connection_(std::move(connection)), request_number_(request_number) {}
Responder::Responder(Responder&&) noexcept = default;
Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    Responder unused(std::move(*this));  // answers 500 where an answer was still owed
    connection_ = std::move(other.connection_);
    request_number_ = other.request_number_;
  }
  return *this;
}

Responder::~Responder() {
  if (!connection_) return;
  Loop& loop = connection_->loop;
  if (loop.on_loop_thread()) {
    connection_->answer_unanswered(request_number_);
    return;
  }
  loop.post([connection = std::move(connection_), number = request_number_] {
    connection->answer_unanswered(number);
  });
}

void Responder::respond(ServerResponse response) {
  const auto connection = std::exchange(connection_, nullptr);
  if (!connection) return;
  if (connection->loop.on_loop_thread()) {
    return connection->answer(request_number_, std::move(response));
  }
  connection->loop.post(
      [connection, number = request_number_, response = std::move(response)]() mutable {
        connection->answer(number, std::move(response));
      });
}

std::shared_ptr<ResponseStream> Responder::stream(ServerResponse head) {
  const auto connection = std::exchange(connection_, nullptr);
  auto state = std::make_shared<StreamState>();
  if (!connection) std::abort();  // answered before: a caller's mistake
  auto stream = std::make_shared<PostedStream>(connection, connection->loop, state);
  connection->loop.post(
      [connection, number = request_number_, head = std::move(head), state]() mutable {
        connection->begin_stream(number, head, std::move(state));
      });
  return stream;
}

}  // namespace skyhook::net
