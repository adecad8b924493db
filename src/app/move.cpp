#include "app/move.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/time.h"
#include "base/version.h"
#include "move/move.h"
#include "signing/secrets.h"
#include "signing/webhook_secrets.h"
#include "store/postgres/move_target.h"
#include "store/sqlite/move_source.h"

namespace skyhook::app {
namespace {

constexpr int kFailed = 1;

int refuse(const std::string& message) {
  std::fprintf(stderr, "skyhook: %s\n", message.c_str());
  return kFailed;
}

// Of a database URL what may be shown: neither its password nor its parameters.
std::string shown(const std::string& url) {
  std::string place = url.substr(0, url.find('?'));
  const std::size_t begin = place.find("://") + 3;
  const std::size_t at = place.rfind('@');
  if (at != std::string::npos && at > begin) place.erase(begin, at + 1 - begin);
  return place;
}

std::string random_id() {
  std::random_device random;
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return to_hex(bytes);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

// A line that is rewritten on a terminal, and one every few seconds elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(const Clock& clock) : clock_(clock), is_terminal_(::isatty(1) == 1) {}

  void show(const move::Progress& progress) {
    const MonoTime now = clock_.mono();
    if (now < next_) return;
    next_ = now + (is_terminal_ ? Millis{200} : Millis{5'000});
    const double share = progress.all > 0 ? 100.0 * static_cast<double>(progress.rows) /
                                                static_cast<double>(progress.all)
                                          : 100.0;
    std::printf("%s%5.1f %%  %s of %s rows, %s rows/s  (%.*s)%s", is_terminal_ ? "\r\033[K" : "",
                share, grouped(progress.rows).c_str(), grouped(progress.all).c_str(),
                grouped(static_cast<std::int64_t>(progress.rows_per_second)).c_str(),
                static_cast<int>(progress.table.size()), progress.table.data(),
                is_terminal_ ? "" : "\n");
    std::fflush(stdout);
    is_open_ = is_terminal_;
  }
  void end() {
    if (is_open_) std::printf("\n");
    is_open_ = false;
  }

 private:
  const Clock& clock_;
  const bool is_terminal_;
  bool is_open_ = false;
  MonoTime next_{};
};

void print(const move::Report& report) {
  std::printf("%-22s %15s %15s\n", "", "source", "target");
  const auto source = report.source.named();
  const auto target = report.target.named();
  for (std::size_t i = 0; i < source.size(); ++i) {
    const auto& [name, rows] = source[i];
    std::printf("%-22.*s %15s %15s%s\n", static_cast<int>(name.size()), name.data(),
                grouped(rows).c_str(), grouped(target[i].second).c_str(),
                rows == target[i].second ? "" : "   differs");
  }
}

store::Result<std::unique_ptr<store::MoveSource>> open_source(const config::ServeConfig& config) {
  ::umask(0077);
  return store::sqlite::open_move_source(config.data_dir);
}

}  // namespace

int move(const config::ServeConfig& config) {
  const SystemClock clock;
  signing::SecretBox box;
  if (!config.master_key.empty()) box = *signing::SecretBox::from_master_key(config.master_key);
  auto source = open_source(config);
  if (!source) return refuse(source.error().detail);
  auto target = store::postgres::open_move_target(
      {.database_url = config.database_url, .version = std::string(kVersion)});
  if (!target) return refuse(target.error().detail);

  const std::string place = shown(config.database_url);
  std::printf("from %s to %s\n", config.data_dir.c_str(), place.c_str());
  std::fflush(stdout);
  ProgressLine line(clock);
  const auto report = move::run(
      **source, **target,
      {.clock = clock,
       .new_id = random_id(),
       .place = place,
       .opens = [&](const Webhook& webhook) { return signing::opened(webhook, box).has_value(); },
       .tell = [&](const move::Progress& progress) { line.show(progress); }});
  line.end();
  if (!report) return refuse(report.error());
  if (report->was_moved) {
    std::printf("It was moved already: there is nothing to do.\n");
    return 0;
  }
  print(*report);
  if (!report->is_complete()) {
    return refuse(
        "the counts differ: the move is not finished, and neither side is served; 'skyhook move "
        "--from " +
        config.data_dir + " --undo' goes back to the source, which is as it was");
  }
  std::printf(
      "\nMoved. What waits is delivered by the first server that starts there:\n"
      "  SKYHOOK_OPERATOR_TOKEN=... skyhook serve --database-url %s\n"
      "%s is not served any more; keep it until you are content.\n",
      place.c_str(), config.data_dir.c_str());
  return 0;
}

int undo_move(const config::ServeConfig& config) {
  auto source = open_source(config);
  if (!source) return refuse(source.error().detail);
  const auto mark = (*source)->mark();
  if (!mark) return refuse(mark.error().detail);
  if (!*mark) {
    std::printf("%s was not moved: there is nothing to undo.\n", config.data_dir.c_str());
    return 0;
  }
  if (const auto cleared = (*source)->clear_mark(); !cleared) return refuse(cleared.error().detail);
  std::printf(
      "%s is served again by 'skyhook serve --data %s', as it was when the move began.\n"
      "The copy at %s must not be served beside it: drop it (DROP SCHEMA skyhook CASCADE).\n",
      config.data_dir.c_str(), config.data_dir.c_str(), (*mark)->place.c_str());
  return 0;
}

}  // namespace skyhook::app
