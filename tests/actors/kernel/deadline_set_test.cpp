#define CAF_SUITE deadline_set

#include "actors/kernel/deadline_set.hpp"

#include <map>
#include <random>

#include "actors/kernel/kernel_machine.hpp"
#include "tests/support/unit.hpp"

using namespace actors;

namespace {

constexpr auto limit = kernel_deadline::time;
constexpr auto settle = kernel_deadline::settle;
using deadlines = deadline_set<kernel_deadline>;
using timer = std::optional<std::int64_t>;

}  // namespace

CAF_TEST(a timer is asked for only when none that is set comes in time) {
  deadlines d;
  CAF_CHECK(d.set(limit, 1, 1'000, 0) == timer(1'000));
  CAF_CHECK(!d.set(limit, 2, 1'000, 500));
  CAF_CHECK(d.set(settle, 3, 100, 500) == timer(100));
}

CAF_TEST(what was set again is due at its new time and told once) {
  deadlines d;
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

CAF_TEST(what was dropped is not told and the timer set for it serves what comes later) {
  deadlines d;
  (void)d.set(limit, 1, 1'000, 0);
  d.drop(limit);
  CAF_CHECK(!d.set(settle, 2, 5'000, 500));
  CAF_CHECK(d.take_due(1'000).empty());
  CAF_CHECK(d.next(1'000) == timer(4'500));
}

CAF_TEST(a long deadline has one timer however many short ones come and go) {
  deadlines d;
  CAF_CHECK(d.set(limit, 1, 60'000, 0) == timer(60'000));
  for (int i = 0; i < 10; ++i) {
    double now = i * 1'000;
    CAF_CHECK(d.set(settle, 2, 500, now) == timer(500));
    CAF_CHECK_EQUAL(d.take_due(now + 500).size(), 1u);
    CAF_CHECK(!d.next(now + 500));
  }
}

// Whatever is set and set again: each last setting is told at its time, never before, and the
// timers that were asked for are enough.
CAF_TEST(every deadline that stands is told in time by the timers that were asked for) {
  std::mt19937_64 random(tests::seed());
  for (int round = 0; round < 200; ++round) {
    deadlines d;
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
