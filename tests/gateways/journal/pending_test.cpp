#define CAF_SUITE journal_pending

#include "tests/support/unit.hpp"

#include "gateways/journal/pending.hpp"
#include "tests/gateways/journal/rows.hpp"

using namespace tests;
using gateways::pending_rows;

CAF_TEST(an end is kept once and nothing follows it) {
  pending_rows rows;
  rows.put(make_record("exe_1"));
  CAF_CHECK(rows.end(make_ended("exe_1", 2), 1, make_events(1, 2)));
  auto second = make_ended("exe_1", 3);
  second.status = protocol::execution_status::kernel_died;
  CAF_CHECK(!rows.end(second, 3, make_events(3, 1)));
  rows.append("exe_1", 3, make_events(3, 1));
  rows.put(make_record("exe_1"));
  CAF_CHECK(rows.find("exe_1")->ended());
  CAF_CHECK_EQUAL(rows.find("exe_1")->record->status, protocol::execution_status::ok);
  CAF_CHECK_EQUAL(rows.find("exe_1")->events.size(), 2u);
}

CAF_TEST(an event that is here already is not taken twice) {
  pending_rows rows;
  rows.append("exe_1", 1, make_events(1, 3));
  rows.append("exe_1", 2, make_events(2, 4));
  CAF_REQUIRE_EQUAL(rows.find("exe_1")->events.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) CAF_CHECK_EQUAL(rows.find("exe_1")->events[i].n, i + 1);
}

CAF_TEST(a forgotten sandbox takes its kernels along and a new one begins from nothing) {
  pending_rows rows;
  rows.put(protocol::mark_kernel{"a", "main", 7});
  rows.forget("a");
  CAF_CHECK_EQUAL(rows.generation({"a", "main"}).value_or(99), 0u);
  protocol::sandbox_spec spec;
  spec.id = "a";
  rows.put(spec);
  CAF_CHECK(rows.sandboxes().at("a").forgotten);
  CAF_CHECK(rows.sandboxes().at("a").spec.has_value());
  rows.put(protocol::mark_kernel{"a", "main", 1});
  CAF_CHECK_EQUAL(rows.generation({"a", "main"}).value_or(99), 1u);
  CAF_CHECK(!rows.generation({"b", "main"}));
}

CAF_TEST(shrinking drops the oldest events of what runs first and an end last) {
  pending_rows rows;
  rows.end(make_ended("exe_old_end", 10), 1, make_events(1, 10, 1'000));
  rows.put(make_record("exe_run_1"));
  rows.append("exe_run_1", 1, make_events(1, 10, 1'000));
  rows.put(make_record("exe_run_2"));
  rows.append("exe_run_2", 1, make_events(1, 10, 1'000));
  CAF_CHECK_EQUAL(rows.shrink(rows.bytes()), 0u);

  auto limit = rows.bytes() * 9 / 10;
  CAF_CHECK(rows.shrink(limit) > 0);
  CAF_CHECK(rows.bytes() <= limit);
  CAF_CHECK(rows.find("exe_run_1")->events.size() < 10);
  CAF_CHECK_EQUAL(rows.find("exe_run_1")->events.back().n, 10u);
  CAF_CHECK_EQUAL(rows.find("exe_run_2")->events.size(), 10u);
  CAF_CHECK_EQUAL(rows.find("exe_old_end")->events.size(), 10u);

  rows.shrink(8'000);
  CAF_CHECK(rows.bytes() <= 8'000);
  CAF_CHECK(rows.find("exe_run_2")->events.empty());
  CAF_REQUIRE(rows.find("exe_old_end"));
  CAF_CHECK(rows.find("exe_old_end")->ended());
  CAF_CHECK_EQUAL(rows.find("exe_old_end")->events.back().n, 10u);
}

CAF_TEST(random rows never exceed the bound and their count goes down to nothing) {
  auto number = seed();
  std::mt19937_64 random(number);
  pending_rows rows;
  constexpr std::uint64_t bound = 100'000;
  for (int i = 0; i < 5'000; ++i) {
    auto id = "exe_" + std::to_string(random() % 40);
    auto here = rows.find(id);
    auto next = here && !here->events.empty() ? here->events.back().n + 1 : 1;
    switch (random() % 4) {
      case 0: rows.put(make_record(id)); break;
      case 1: rows.end(make_ended(id, next), next, make_events(next, 1)); break;
      default: rows.append(id, next, make_events(next, random() % 5, random() % 500));
    }
    rows.shrink(bound);
    if (rows.bytes() > bound) CAF_FAIL("bytes=" << rows.bytes() << " seed=" << number);
    for (const auto& [name, x] : rows.executions()) {
      auto ascending = std::is_sorted(x.events.begin(), x.events.end(),
                                      [](auto& a, auto& b) { return a.n < b.n; });
      if (!ascending) CAF_FAIL("order of " << name << " seed=" << number);
    }
  }
  rows.clear();
  CAF_CHECK(rows.empty());
  CAF_CHECK_EQUAL(rows.bytes(), 0u);
}
