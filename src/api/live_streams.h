// The live streams of delivery logs: server-sent events (WHATWG HTML, "Server-sent events"), one a
// changed log entry. One thread reads what changed and writes it to every stream that wants it, so
// that a hundred changes of one moment cost one round.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "directory/directory.h"
#include "domain/account.h"
#include "net/http_server.h"
#include "store/change_feed.h"
#include "store/store.h"

namespace skyhook::api {

class LiveStreams {
 public:
  static constexpr std::size_t kStreamLimit = 500;          // past it: 503
  static constexpr std::size_t kStreamLimitOfAccount = 20;  // past it: 503
  static constexpr std::size_t kEntriesARound =
      100;                                     // more at once: the reader is told to read anew
  static constexpr Millis kRoundPause{100};    // between rounds
  static constexpr Millis kKeepAlive{15'000};  // a comment line, so that a dead client is noticed

  // All of them outlive this.
  LiveStreams(store::ChangeFeed& feed, store::Store& store, const Directory& directory,
              std::uint64_t epoch);
  ~LiveStreams();
  LiveStreams(const LiveStreams&) = delete;
  LiveStreams& operator=(const LiveStreams&) = delete;

  struct Request {
    AccountId account;
    // Of the key that asked: a stream ends with its key. nullopt: the operator asked.
    std::optional<Sha256> key_hash;
    WebhookId webhook;
    std::string last_event_id;                                 // empty: from now on
    std::vector<std::pair<std::string, std::string>> headers;  // more of them for the head
  };
  // Any thread. Sends the head and goes on until the client leaves, its key dies or the webhook is
  // deleted. False, and `responder` untouched, where a limit is reached.
  [[nodiscard]] bool open(const Request& request, net::Responder& responder);

 private:
  struct Stream {
    Request request;
    std::shared_ptr<net::ResponseStream> body;
    std::uint64_t position = 0;
    bool told_everything = false;  // it has to read anew
  };

  void run();
  // False where the stream is over.
  bool bring_up_to_date(Stream& stream);
  bool still_allowed(const Stream& stream) const;
  std::string event_id(std::uint64_t position) const;
  std::optional<std::uint64_t> position_of(std::string_view event_id) const;

  store::ChangeFeed& feed_;
  store::Store& store_;
  const Directory& directory_;
  const std::uint64_t epoch_;  // of this process, so that an id of an earlier one is recognised

  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Stream> arriving_;  // guarded by mutex_
  std::list<AccountId> open_;   // guarded by mutex_: the account of every stream there is
  bool changed_ = false;        // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
  std::thread thread_;
};

}  // namespace skyhook::api
