#include "store/sqlite/writer.h"

#include <pthread.h>

namespace skyhook::store::sqlite {

Writer::Writer(WriteSession& session, const Clock& clock, metrics::Metrics* metrics,
               Options options)
    : session_(session), clock_(clock), metrics_(metrics), options_(options), thread_([this] {
        run();
      }) {
  pthread_setname_np(thread_.native_handle(), "store-writer");
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool Writer::try_submit(std::unique_ptr<WriteCommand>& command) {
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty() && (queued_rows_ + command->rows > options_.queue_limit_rows ||
                            queued_bytes_ + command->bytes > options_.queue_limit_bytes)) {
      return false;
    }
    queued_rows_ += command->rows;
    queued_bytes_ += command->bytes;
    queue_.push_back(std::move(command));
  }
  wake_.notify_one();
  return true;
}

void Writer::submit(std::unique_ptr<WriteCommand> command) {
  {
    const std::lock_guard lock(mutex_);
    queued_rows_ += command->rows;
    queued_bytes_ += command->bytes;
    queue_.push_back(std::move(command));
  }
  wake_.notify_one();
}

void Writer::run() {
  for (;;) {
    Batch batch = next_batch();
    if (batch.empty()) return;
    commit_batch(std::move(batch));
    if (session_.fold_if_due() && metrics_ != nullptr) metrics_->store_failed();
    session_.checkpoint_if_due();
  }
}

// Empty only when stopping and nothing is left.
Writer::Batch Writer::next_batch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  Batch batch;
  std::size_t rows = 0;
  while (!queue_.empty() && rows < options_.batch_limit_rows) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
    rows += batch.back()->rows;
    queued_rows_ -= batch.back()->rows;
    queued_bytes_ -= batch.back()->bytes;
  }
  return batch;
}

void Writer::commit_batch(Batch batch) {
  const MonoTime started = clock_.mono();
  const std::optional<Error> error = try_commit(batch);
  // What is not the world's fault is one request's: the others must not suffer for it.
  if (error && error->kind == Error::Kind::corrupt && batch.size() > 1) {
    for (auto& command : batch) {
      Batch alone;
      alone.push_back(std::move(command));
      commit_batch(std::move(alone));
    }
    return;
  }
  if (metrics_ != nullptr && error) metrics_->store_failed();
  if (metrics_ != nullptr && !error) {
    metrics_->store_commit(session_.rows(),
                           std::chrono::duration_cast<Micros>(clock_.mono() - started));
  }
  for (const auto& command : batch) command->finish(error ? &*error : nullptr);
}

std::optional<Error> Writer::try_commit(const Batch& batch) {
  try {
    session_.begin();
    for (const auto& command : batch) command->execute(session_);
    session_.commit();
    return std::nullopt;
  } catch (const SqliteError& failure) {
    session_.rollback();
    return failure.to_error();
  }
}

}  // namespace skyhook::store::sqlite
