#include "bench/publisher.h"

#include <pthread.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "bench/receiver.h"

namespace skyhook::bench {

namespace {

constexpr Millis kAnswerTimeout{60'000};
constexpr long kPaceNs = 500'000;  // how often a rate is caught up with

net::AddressGuard loopback_guard() {
  return net::AddressGuard({.exempt = {*net::parse_cidr("127.0.0.0/8")}, .own_addresses = {}});
}

// Sends what is due by the rate, each half millisecond; the loop's own timers are too coarse for
// that.
class Pace final : public net::IoHandler {
 public:
  Pace(net::Loop& loop, std::function<void()> tick) : loop_(loop), tick_(std::move(tick)) {
    fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    const itimerspec every{.it_interval = {0, kPaceNs}, .it_value = {0, kPaceNs}};
    timerfd_settime(fd_, 0, &every, nullptr);
    loop_.watch(fd_, EPOLLIN, this);
  }
  ~Pace() override {
    loop_.unwatch(fd_);
    ::close(fd_);
  }
  void on_io(std::uint32_t) override {
    std::uint64_t expirations = 0;
    (void)!::read(fd_, &expirations, sizeof expirations);
    tick_();
  }

 private:
  net::Loop& loop_;
  std::function<void()> tick_;
  int fd_ = -1;
};

}  // namespace

std::int64_t thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

Poster::Poster(const Clock& clock, SSL_CTX* tls, Options options)
    : clock_(clock), tls_(tls), options_(options), guard_(loopback_guard()) {}

Poster::Result Poster::run(std::int64_t count, std::function<Post(std::int64_t)> make,
                           bool keep_answers, std::atomic<std::int64_t>* sent) {
  Result result;
  if (keep_answers) result.answers.resize(static_cast<std::size_t>(count));
  std::thread thread([&] {
    pthread_setname_np(pthread_self(), "poster");
    net::Loop loop(clock_);
    net::Resolver names(loop, {});
    const auto connections = static_cast<std::size_t>(options_.connections);
    net::HttpClient client(loop, tls_, guard_, names,
                           {.idle_limit = connections,
                            .idle_per_key = connections,
                            .connection_lifetime = std::chrono::hours{1}});
    const std::int64_t began_us = monotonic_us();
    std::int64_t next = 0, done = 0;
    std::function<void()> fill = [&] {
      std::int64_t due = count;
      if (options_.rate > 0) {
        const double elapsed_s = static_cast<double>(monotonic_us() - began_us) / 1e6;
        due = std::min(count, static_cast<std::int64_t>(elapsed_s * options_.rate));
      }
      while (next < due && next - done < options_.connections) {
        Post post = make(next);
        const std::int64_t number = next++;
        if (sent) sent->store(next, std::memory_order_relaxed);
        client.send({.pool_key = 1,
                     .url = std::move(post.url),
                     .headers = std::move(post.headers),
                     .body = std::move(post.body),
                     .timeout = kAnswerTimeout},
                    [&, number](net::ClientResult answer) {
                      ++done;
                      if (answer.status / 100 == 2) {
                        ++result.answered_2xx;
                      } else if (++result.refused == 1) {
                        result.first_refusal =
                            answer.status
                                ? "status " + std::to_string(answer.status) + ": " + answer.body
                                : std::string(to_string(answer.failure));
                      }
                      if (keep_answers)
                        result.answers[static_cast<std::size_t>(number)] = std::move(answer.body);
                      if (done == count) return loop.stop();
                      fill();
                    });
      }
    };
    std::unique_ptr<Pace> pace;
    if (options_.rate > 0) pace = std::make_unique<Pace>(loop, fill);
    const std::int64_t cpu_before = thread_cpu_us();
    loop.post(fill);
    if (count > 0) loop.run();
    result.thread_cpu_us = thread_cpu_us() - cpu_before;
    result.wall = Micros{monotonic_us() - began_us};
  });
  thread.join();
  return result;
}

}  // namespace skyhook::bench
