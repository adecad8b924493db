// The writer thread: takes what waits in its queue, runs all of it in one transaction, commits, and
// tells every caller. What arrives during a commit is the next batch, so batches grow with the load
// by themselves.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "metrics/metrics.h"
#include "store/sqlite/write_session.h"
#include "store/store.h"

namespace skyhook::store::sqlite {

// One caller's part of a transaction.
class WriteCommand {
 public:
  virtual ~WriteCommand() = default;
  // Within the transaction. May throw SqliteError. Runs again where the transaction had to be given
  // up and is tried anew.
  virtual void execute(WriteSession& session) = 0;
  // Once: after the commit (nullptr), or after it was rolled back.
  virtual void finish(const Error* error) = 0;

  std::size_t rows = 1;
  std::size_t bytes = 0;
};

// Any thread may submit.
class Writer {
 public:
  struct Options {
    std::size_t queue_limit_rows;
    std::size_t queue_limit_bytes;
    std::size_t batch_limit_rows;
  };
  // `session`, `clock` and `metrics` (may be nullptr) outlive the writer; the session is the
  // writer's own from now on.
  Writer(WriteSession& session, const Clock& clock, metrics::Metrics* metrics, Options options);
  // Commits everything that was accepted, then joins.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // False, and the command left with the caller, where the queue is full.
  [[nodiscard]] bool try_submit(std::unique_ptr<WriteCommand>& command);
  // Past the limit too.
  void submit(std::unique_ptr<WriteCommand> command);

  // Runs `work(session)` in a transaction, and waits until that is durable. Not from the writer's
  // callbacks.
  template <class Work>
  auto call(Work work) -> Result<decltype(work(std::declval<WriteSession&>()))> {
    using Value = decltype(work(std::declval<WriteSession&>()));
    auto command = std::make_unique<Call<Value, Work>>(std::move(work));
    auto outcome = command->promise.get_future();
    submit(std::move(command));
    return outcome.get();
  }

 private:
  template <class Value, class Work>
  struct Call final : WriteCommand {
    explicit Call(Work given) : work(std::move(given)) {}
    void execute(WriteSession& session) override { value.emplace(work(session)); }
    void finish(const Error* error) override {
      if (error != nullptr) {
        promise.set_value(Err{*error});
      } else {
        promise.set_value(std::move(*value));
      }
    }
    Work work;
    std::optional<Value> value;
    std::promise<Result<Value>> promise;
  };
  using Batch = std::vector<std::unique_ptr<WriteCommand>>;

  void run();
  Batch next_batch();
  void commit_batch(Batch batch);
  std::optional<Error> try_commit(const Batch& batch);

  WriteSession& session_;
  const Clock& clock_;
  metrics::Metrics* const metrics_;
  const Options options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<WriteCommand>> queue_;  // guarded by mutex_
  std::size_t queued_rows_ = 0;   // guarded by mutex_; those of `limited` commands and all others
  std::size_t queued_bytes_ = 0;  // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::thread thread_;
};

}  // namespace skyhook::store::sqlite
