#include "move/move.h"

#include <chrono>
#include <map>
#include <optional>
#include <utility>

namespace skyhook::move {
namespace {

using store::MovePage;
using store::MoveSource;
using store::MoveTable;
using store::MoveTarget;

Err<std::string> failed(std::string_view what, const store::Error& error) {
  return Err{std::string(what) + ": " + error.detail};
}

class Move {
 public:
  Move(MoveSource& source, MoveTarget& target, const Options& options)
      : source_(source), target_(target), options_(options) {}

  Result<Report, std::string> run() {
    auto state = begin();
    if (!state) return Err{state.error()};
    if (*state == MoveTarget::State::finished) return Report{.was_moved = true};
    Report report;
    if (auto counted = source_.counts(); counted) {
      report.source = *counted;
    } else {
      return failed("the source cannot be read", counted.error());
    }
    all_ = report.source.all();
    if (auto copied = copy_all(); !copied) return Err{copied.error()};
    if (auto counted = target_.counts(); counted) {
      report.target = *counted;
    } else {
      return failed("the target cannot be read", counted.error());
    }
    if (!report.is_complete()) return report;
    if (auto done = finish(); !done) return Err{done.error()};
    return report;
  }

 private:
  using Step = Result<Done, std::string>;

  // Finds out where the two stand, refuses what cannot be moved, and marks both.
  Result<MoveTarget::State, std::string> begin() {
    const auto known = source_.mark();
    if (!known) return failed("the source cannot be read", known.error());
    mark_ = known->value_or(store::MoveMark{options_.new_id, options_.place, options_.clock.now()});
    auto state = target_.state(mark_.id);
    if (!state) return Err{state.error().detail};
    if (*state == MoveTarget::State::finished) {
      mark_.is_moved = true;
      if (auto marked = source_.set_mark(mark_); !marked) {
        return failed("the source cannot be marked", marked.error());
      }
      return *state;
    }
    if (*state == MoveTarget::State::empty && mark_.is_moved) {
      return Err{"it was moved to " + mark_.place + " already (" +
                 to_iso8601(mark_.began_at).substr(0, 10) + ")"};
    }
    if (auto opened = check_secrets(); !opened) return Err{opened.error()};
    if (*state == MoveTarget::State::empty) {
      // What an earlier run began elsewhere is not gone on with: the id is new.
      mark_ = {options_.new_id, options_.place, options_.clock.now()};
    }
    if (auto settled = source_.settle(mark_.began_at); !settled) {
      return failed("the source cannot be prepared", settled.error());
    }
    if (*state == MoveTarget::State::empty) {
      const auto ids = source_.ids();
      if (!ids) return failed("the source cannot be read", ids.error());
      if (auto marked = source_.set_mark(mark_); !marked) {
        return failed("the source cannot be marked", marked.error());
      }
      if (auto begun = target_.begin(mark_, *ids); !begun) return Err{begun.error().detail};
    }
    return MoveTarget::State::begun;
  }

  Step check_secrets() {
    std::int64_t unopened = 0;
    for (std::int64_t after = 0;;) {
      const auto page = source_.webhooks(after);
      if (!page) return failed("the source cannot be read", page.error());
      if (page->rows.empty()) break;
      for (const Webhook& webhook : page->rows) unopened += options_.opens(webhook) ? 0 : 1;
      after = page->last;
    }
    if (unopened == 0) return Done{};
    return Err{std::to_string(unopened) +
               " webhook secrets do not open with this master key (SKYHOOK_MASTER_KEY): give the "
               "one they were stored under, as to the servers that will run on the target"};
  }

  Step copy_all() {
    const auto days = source_.days(mark_.began_at);
    if (!days) return failed("the source cannot be read", days.error());
    if (auto made = target_.make_days(*days); !made) return failed("the target", made.error());
    auto progress = target_.progress();
    if (!progress) return failed("the target cannot be read", progress.error());
    progress_ = std::move(*progress);
    for (const auto& [table, done] : progress_) rows_ += done.rows;
    begun_at_ = options_.clock.mono();

    if (auto done = copy(MoveTable::accounts, &MoveSource::accounts); !done) return done;
    if (auto done = copy(MoveTable::webhooks, &MoveSource::webhooks); !done) return done;
    if (auto done = copy(MoveTable::events, &MoveSource::events); !done) return done;
    if (auto done = copy(MoveTable::deliveries, &MoveSource::deliveries); !done) return done;
    if (auto done = copy(MoveTable::totals, &MoveSource::totals); !done) return done;
    if (auto done = copy(MoveTable::rollups, &MoveSource::rollups); !done) return done;
    return copy(MoveTable::keys, &MoveSource::keys);
  }

  template <class Row>
  Step copy(MoveTable table, store::Result<MovePage<Row>> (MoveSource::*read)(std::int64_t)) {
    for (std::int64_t after = progress_[table].last;;) {
      const auto page = (source_.*read)(after);
      if (!page) return failed("the source cannot be read", page.error());
      if (page->rows.empty()) return Done{};
      if (auto taken = target_.take(*page); !taken) {
        return failed("the target did not take what was sent", taken.error());
      }
      after = page->last;
      tell(table, rows_in(*page));
    }
  }

  template <class Row>
  static std::int64_t rows_in(const MovePage<Row>& page) {
    return static_cast<std::int64_t>(page.rows.size());
  }
  static std::int64_t rows_in(const MovePage<store::MovedDelivery>& page) {
    std::size_t rows = page.rows.size();
    for (const store::MovedDelivery& delivery : page.rows) rows += delivery.attempts.size();
    return static_cast<std::int64_t>(rows);
  }

  void tell(MoveTable table, std::int64_t rows) {
    rows_ += rows;
    rows_of_run_ += rows;
    const std::chrono::duration<double> passed = options_.clock.mono() - begun_at_;
    const double rate = passed.count() > 0 ? static_cast<double>(rows_of_run_) / passed.count() : 0;
    options_.tell({to_string(table), rows_, all_, rate});
  }

  // The source first: from here on only this target may be finished.
  Step finish() {
    mark_.is_moved = true;
    if (auto marked = source_.set_mark(mark_); !marked) {
      return failed("the source cannot be marked", marked.error());
    }
    if (auto done = target_.finish(); !done) return failed("the target", done.error());
    return Done{};
  }

  MoveSource& source_;
  MoveTarget& target_;
  const Options& options_;
  store::MoveMark mark_;
  std::map<MoveTable, store::MoveProgress> progress_;  // of earlier runs
  std::int64_t all_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t rows_of_run_ = 0;
  MonoTime begun_at_{};
};

}  // namespace

Result<Report, std::string> run(MoveSource& source, MoveTarget& target, const Options& options) {
  return Move(source, target, options).run();
}

}  // namespace skyhook::move
