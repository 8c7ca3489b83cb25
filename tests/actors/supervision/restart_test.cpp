#define CAF_SUITE restart

#include "actors/supervision/restart.hpp"

#include <random>

#include "tests/support/unit.hpp"

using namespace actors;

namespace {

std::int64_t wait_of(const restart_decision& d) {
  auto* r = std::get_if<restart_after>(&d);
  return r ? r->wait_ms : -1;
}

config::restart_policy plain() {
  return {.max_restarts = 5,
          .window_ms = 60'000,
          .backoff_min_ms = 100,
          .backoff_max_ms = 1'000,
          .jitter = 0,
          .stable_after_ms = 250};
}

}  // namespace

CAF_TEST(the first restart is at once and further ones wait twice as long each) {
  restart_history h;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 5; ++i) waits.push_back(wait_of(decide(plain(), h, true, 0, i * 10, 0)));
  CAF_CHECK_EQUAL(waits, (std::vector<std::int64_t>{0, 100, 200, 400, 800}));
  CAF_CHECK_EQUAL(wait_of(decide(plain(), h, true, 0, 60, 0)), -1);
}

CAF_TEST(a stable time forgets the history) {
  restart_history h;
  for (int i = 0; i < 40; ++i) CAF_CHECK_EQUAL(wait_of(decide(plain(), h, true, 250, i, 0)), 0);
}

CAF_TEST(deaths leave the window) {
  restart_history h;
  for (int i = 0; i < 40; ++i) CAF_CHECK(wait_of(decide(plain(), h, true, 0, i * 20'000, 0)) >= 0);
}

CAF_TEST(a policy of never or an orderly end is not restarted) {
  restart_history h;
  auto never = plain();
  never.on = config::restart_on::never;
  CAF_CHECK_EQUAL(wait_of(decide(never, h, true, 0, 0, 0)), -1);
  CAF_CHECK_EQUAL(wait_of(decide(plain(), h, false, 0, 0, 0)), -1);
}

CAF_TEST(restart intensity holds for random deaths) {
  std::random_device device;
  auto seed = device();
  CAF_MESSAGE("seed=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    config::restart_policy p{.max_restarts = 1 + random() % 8,
                             .window_ms = static_cast<std::int64_t>(1 + random() % 10'000),
                             .jitter = 0.5};
    restart_history h;
    std::deque<std::int64_t> granted;
    std::int64_t now = 0;
    for (int i = 0; i < 100; ++i) {
      now += static_cast<std::int64_t>(random() % 2'000);
      auto d = decide(p, h, true, 0, now, random());
      while (!granted.empty() && now - granted.front() > p.window_ms) granted.pop_front();
      if (wait_of(d) < 0) continue;
      granted.push_back(now);
      CAF_REQUIRE(granted.size() <= p.max_restarts);
      CAF_REQUIRE(wait_of(d) <= p.backoff_max_ms + p.backoff_max_ms / 2);
    }
  }
}
