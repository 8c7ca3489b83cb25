#define CAF_SUITE deadline_set

#include "actors/kernel/deadline_set.hpp"

#include <map>
#include <random>

#include "tests/support/unit.hpp"

using namespace actors;

namespace {

constexpr auto limit = kernel_deadline::time;
constexpr auto settle = kernel_deadline::settle;
using timer = std::optional<std::int64_t>;

}  // namespace

CAF_TEST(a timer is asked for only when none that is set comes in time) {
  deadline_set d;
  CAF_CHECK(d.set(limit, 1, 1'000, 0) == timer(1'000));
  CAF_CHECK(!d.set(limit, 2, 1'000, 500));
  CAF_CHECK(d.set(settle, 3, 100, 500) == timer(100));
}

CAF_TEST(what was set again is due at its new time and told once) {
  deadline_set d;
  (void)d.set(limit, 1, 1'000, 0);
  (void)d.set(limit, 2, 1'000, 500);
  CAF_CHECK(d.take_due(1'000).empty());
  CAF_CHECK(d.next(1'000) == timer(500));
  auto due = d.take_due(1'500);
  CAF_REQUIRE_EQUAL(due.size(), 1u);
  CAF_CHECK_EQUAL(due[0].token, 2u);
  CAF_CHECK(d.take_due(2'000).empty());
  CAF_CHECK(!d.next(2'000));
}

// Whatever is set and set again: each last setting is told at its time, never before, and the
// timers that were asked for are enough.
CAF_TEST(every deadline that stands is told in time by the timers that were asked for) {
  std::mt19937_64 random(tests::seed());
  for (int round = 0; round < 200; ++round) {
    deadline_set d;
    std::multimap<double, int> timers;
    std::map<kernel_deadline, std::pair<double, std::uint64_t>> standing;
    double now = 0;
    std::uint64_t token = 0;
    auto want = [&](std::optional<std::int64_t> after) {
      if (after) timers.emplace(now + static_cast<double>(*after), 0);
    };
    auto fire_until = [&](double until) {
      while (!timers.empty() && timers.begin()->first <= until) {
        now = timers.begin()->first;
        timers.erase(timers.begin());
        for (auto& e : d.take_due(now)) {
          CAF_REQUIRE_EQUAL(standing.at(e.which).second, e.token);
          CAF_REQUIRE(standing.at(e.which).first <= now);
          standing.erase(e.which);
        }
        want(d.next(now));
        for (auto& [which, at] : standing) CAF_REQUIRE(at.first > now);
      }
      now = until;
    };
    for (int i = 0; i < 60; ++i) {
      fire_until(now + static_cast<double>(random() % 50));
      auto which = static_cast<kernel_deadline>(random() % kernel_deadlines);
      auto after = static_cast<std::int64_t>(1 + random() % 200);
      standing[which] = {now + static_cast<double>(after), ++token};
      want(d.set(which, token, after, now));
    }
    fire_until(now + 1'000);
    CAF_REQUIRE(standing.empty());
  }
}
