#include "store/postgres/membership.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include "logging/log.h"
#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

// Ids are taken in blocks of at least this many: a node that is idle and a node that is busy stay
// close in the order of their logs, since a block is used for one heartbeat only.
constexpr std::int64_t kBlock = std::int64_t{1} << 17;

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// When the process started, in ticks since boot (proc(5)); empty where there is no such process.
std::string start_of(const std::string& process_id) {
  const std::string line = first_line("/proc/" + process_id + "/stat");
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  constexpr int kStartField = 20;  // counted after the name
  for (int i = 0; i < kStartField; ++i) fields >> field;
  return field;
}

// Where process ids mean the same: this boot of this machine, this process namespace.
std::string neighbourhood() {
  std::array<char, 64> space{};
  const ssize_t length = ::readlink("/proc/self/ns/pid", space.data(), space.size() - 1);
  return first_line("/proc/sys/kernel/random/boot_id") + " " +
         std::string(space.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
}

}  // namespace

Answer<Done> Membership::end_dead_neighbours(Connection& connection) {
  Params params;
  params.text(neighbourhood() + " ");
  auto rows = connection.query(
      "SELECT node_id, substr(process, length($1) + 1) FROM skyhook.nodes "
      "WHERE NOT expired AND starts_with(process, $1)",
      params);
  if (!rows) return Err{rows.error()};
  for (int row = 0; row < rows->count(); ++row) {
    std::istringstream process(rows->string(row, 1));
    std::string id, start;
    process >> id >> start;
    if (start_of(id) == start) continue;
    Params node;
    node.add(rows->integer(row, 0));
    auto ended = connection.query("SELECT skyhook.expire_nodes($1::int)", node);
    if (!ended) return Err{ended.error()};
  }
  return Done{};
}

Membership::Membership(const Options& options, Connection::Settings settings, Registry& registry,
                       std::function<void()> on_lost)
    : options_(options),
      settings_(std::move(settings)),
      registry_(registry),
      on_lost_(std::move(on_lost)) {}

Membership::~Membership() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  safe_until_.store(MonoTime::duration::zero());
  if (!connection_ || !connection_->usable()) return;
  Params low;
  low.add(std::int64_t{node_id()}).add(fresh_from());
  if (auto kept = connection_->query(
          "UPDATE skyhook.nodes SET fresh_from = $2 WHERE node_id = $1 AND NOT expired", low);
      !kept) {
    return;
  }
  Params only;
  only.add(std::int64_t{node_id()});
  if (auto ended = connection_->query("SELECT skyhook.expire_nodes($1::int)", only); !ended) {
    log::warn("the lease could not be given back", {{"reason", ended.error().message}});
  }
}

Micros Membership::lease_left() const {
  const auto left = MonoTime{safe_until_.load()} - options_.clock.mono();
  return std::max(Micros{0}, std::chrono::duration_cast<Micros>(left));
}

int Membership::today() const {
  return static_cast<int>(to_unix_micros(options_.clock.now()) / 86'400'000'000);
}

std::int64_t Membership::id_of(std::int64_t number) const {
  return (std::int64_t{today()} << kDayShift) | number;
}

Answer<Done> Membership::join() {
  auto opened = Connection::open(settings_);
  if (!opened) return Err{opened.error()};
  connection_ = std::move(*opened);
  if (auto made = make_days(*connection_); !made) return made;
  if (auto filled = refill(*connection_); !filled) return filled;
  if (auto registered = register_node(*connection_); !registered) return registered;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "lease");
  return Done{};
}

Answer<Done> Membership::register_node(Connection& connection) {
  const MonoTime sent = options_.clock.mono();
  Params params;
  params.add(std::int64_t{options_.lease.count()}).add(fresh_from()).text(options_.version);
  const std::string id = std::to_string(::getpid());
  params.text(neighbourhood() + " " + id + " " + start_of(id));
  std::array<char, 256> machine{};
  ::gethostname(machine.data(), machine.size() - 1);
  params.text(machine.data());
  auto row = connection.query(
      "INSERT INTO skyhook.nodes (lease_until, fresh_from, version, process, name) "
      "VALUES (clock_timestamp() + $1 * interval '1 millisecond', $2, $3, $4, $5) RETURNING "
      "node_id",
      params);
  if (!row) return Err{row.error()};
  if (auto served = refuse_unfinished_move(connection, row->integer(0, 0)); !served) return served;
  registry_.promise_taken();
  node_id_.store(row->small(0, 0));
  epoch_.fetch_add(1);
  safe_until_.store((sent + options_.lease - options_.lease_margin).time_since_epoch());
  log::info("joined as a node", {{"node", node_id()}});
  return count_nodes(connection);
}

Answer<Done> Membership::count_nodes(Connection& connection) {
  auto row = connection.query(
      "SELECT count(*) FROM skyhook.nodes WHERE NOT expired AND lease_until > clock_timestamp()");
  if (!row) return Err{row.error()};
  live_nodes_.store(std::max(1, static_cast<int>(row->integer(0, 0))));
  return Done{};
}

// Once a node is registered no move can begin; before that, one may have.
Answer<Done> Membership::refuse_unfinished_move(Connection& connection, std::int64_t node) {
  auto unfinished =
      connection.query("SELECT EXISTS (SELECT FROM skyhook.moves WHERE finished_at IS NULL)");
  if (!unfinished) return Err{unfinished.error()};
  if (!unfinished->boolean(0, 0)) return Done{};
  Params params;
  params.add(node);
  auto ended = connection.query("SELECT skyhook.expire_nodes($1::int)", params);
  if (!ended) return Err{ended.error()};
  return Err{DatabaseError{std::string(kMoveUnfinished),
                           "a move into the database is not finished: run the same 'skyhook move' "
                           "again, then start the servers",
                           false}};
}

// Every delivery with a lower id that this node accepted is settled or parked. Nearly every id that
// was given out a heartbeat ago is in the registry by now or will never be used; the registry
// refuses the others.
std::int64_t Membership::fresh_from() {
  std::int64_t floor;
  {
    std::lock_guard lock(ids_mutex_);
    floor = current_.left() > 0 ? current_.next : current_.end;
    if (spare_.left() > 0) floor = std::min(floor, spare_.next);
  }
  floor = id_of(floor);
  const MonoTime now = options_.clock.mono();
  if (floor_.value == 0) floor_ = older_floor_ = {floor, now};
  if (now - floor_.taken_at >= options_.heartbeat) {
    older_floor_ = floor_;
    floor_ = {floor, now};
  }
  return registry_.promise(DeliveryId{std::min(floor, older_floor_.value)}).value;
}

Answer<Done> Membership::refill(Connection& connection) {
  std::int64_t size;
  {
    std::lock_guard lock(ids_mutex_);
    if (used_ == 0 && wanted_ == 0 && current_.left() > 0 && spare_.left() > 0) return Done{};
    size = std::max({kBlock, 4 * used_, 2 * wanted_});
  }
  Params params;
  params.add(size);
  auto row = connection.query(
      "WITH held AS (SELECT pg_advisory_xact_lock(1397442891, 3)), "
      "first AS (SELECT nextval('skyhook.row_numbers') AS number FROM held) "
      "SELECT number, setval('skyhook.row_numbers', number + $1 - 1) FROM first",
      params);
  if (!row) return Err{row.error()};
  const std::int64_t first = row->integer(0, 0) % kNumbersOfNodes;
  // Of a block that crosses the end of the numbers only the part before it is used.
  const Block fresh{first, std::min(first + size, kNumbersOfNodes)};
  std::lock_guard lock(ids_mutex_);
  if (current_.left() > spare_.left()) spare_ = current_;
  current_ = fresh;
  used_ = 0;
  wanted_ = 0;
  return Done{};
}

std::int64_t Membership::take_ids(std::int64_t count) {
  bool short_of_ids = false;
  std::int64_t first = kNoIds;
  {
    std::lock_guard lock(ids_mutex_);
    Block* block = nullptr;
    if (current_.left() >= count) block = &current_;
    if (block == nullptr && spare_.left() >= count) block = &spare_;
    if (block == nullptr) {
      wanted_ = std::max(wanted_, count);
      short_of_ids = true;
    } else {
      first = id_of(block->next);
      block->next += count;
      used_ += count;
      short_of_ids = current_.left() < kBlock / 4;
    }
  }
  if (short_of_ids) beat_now();
  return first;
}

Answer<Done> Membership::ensure_day(Connection& connection, int day) {
  {
    std::lock_guard lock(days_mutex_);
    if (days_.contains(day)) return Done{};
  }
  Params params;
  params.add(std::int64_t{day});
  auto made = connection.query("SELECT skyhook.make_day($1::int)", params);
  // 23514: rows of that day are in the default partitions already; more of them can go there too.
  if (!made && !made.error().is("23514")) return Err{made.error()};
  std::lock_guard lock(days_mutex_);
  days_.insert(day);
  return Done{};
}

Answer<Done> Membership::make_days(Connection& connection) {
  const int first = today();
  {
    // A day that was dropped long ago may be wanted again only if the clock goes back.
    std::lock_guard lock(days_mutex_);
    while (!days_.empty() && *days_.begin() < first - 1) days_.erase(days_.begin());
  }
  for (int day = first; day <= first + options_.days_ahead; ++day) {
    if (auto made = ensure_day(connection, day); !made) {
      // Somebody holds a lock on a default partition: days ahead can wait.
      if (made.error().lost || day == first) return made;
      return Done{};
    }
  }
  return Done{};
}

Answer<Done> Membership::beat(Connection& connection) {
  const MonoTime sent = options_.clock.mono();
  Params params;
  params.add(std::int64_t{node_id()}).add(std::int64_t{options_.lease.count()}).add(fresh_from());
  auto row = connection.query(
      "UPDATE skyhook.nodes SET lease_until = clock_timestamp() + $2 * interval '1 millisecond', "
      "fresh_from = $3 WHERE node_id = $1 AND NOT expired RETURNING 1",
      params);
  if (!row) return Err{row.error()};
  if (row->count() == 0) {
    log::warn("the lease was lost: others have taken over", {{"node", node_id()}});
    safe_until_.store(MonoTime::duration::zero());
    on_lost_();
    return register_node(connection);
  }
  registry_.promise_taken();
  safe_until_.store((sent + options_.lease - options_.lease_margin).time_since_epoch());
  if (auto filled = refill(connection); !filled) return filled;
  if (auto counted = count_nodes(connection); !counted) return counted;
  return make_days(connection);
}

void Membership::lease_lost() {
  safe_until_.store(MonoTime::duration::zero());
  beat_now();
}

void Membership::beat_now() {
  {
    std::lock_guard lock(mutex_);
    wake_now_ = true;
  }
  wake_.notify_all();
}

void Membership::run() {
  bool well = true;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const Millis pause = well ? options_.heartbeat : std::min(options_.heartbeat, Millis{500});
      wake_.wait_for(lock, pause, [&] { return stopping_ || (wake_now_ && well); });
      if (stopping_) return;
      wake_now_ = false;
    }
    if (!connection_ || !connection_->usable()) {
      auto opened = Connection::open(settings_);
      connection_ = opened ? std::move(*opened) : nullptr;
      if (!opened && well) {
        log::warn("the database cannot be reached", {{"reason", opened.error().message}});
      }
    }
    const bool beaten = connection_ && [&] {
      auto done = beat(*connection_);
      if (!done && well) log::warn("the lease was not renewed", {{"reason", done.error().message}});
      return done.ok();
    }();
    if (beaten && !well) log::info("the database is back", {{"node", node_id()}});
    well = beaten;
  }
}

}  // namespace skyhook::store::postgres
