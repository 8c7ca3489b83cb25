#define CAF_SUITE limiter_machine

#include "actors/limiter/limiter_machine.hpp"

#include <random>
#include <vector>

#include "tests/support/unit.hpp"

using namespace actors;
using protocol::error_code;

CAF_TEST(executions at once are bounded and released ones make room) {
  limiter_machine m({.executions_max = 2});
  CAF_CHECK(m.admit("a", "").has_value());
  CAF_CHECK(m.admit("b", "").has_value());
  auto third = m.admit("c", "");
  CAF_REQUIRE(third.has_error());
  CAF_CHECK_EQUAL(to_string(third.error().code), "execution_limit");
  CAF_CHECK_EQUAL(third.error().members, "{\"limit\":2,\"used\":2,\"remaining\":0}");
  m.release({"a"});
  m.release({"never admitted"});
  CAF_CHECK(m.admit("c", "").has_value());
  CAF_CHECK_EQUAL(m.held(), 2u);
}

CAF_TEST(a turn has so many steps and a new turn has them again) {
  limiter_machine m({.steps_per_turn = 3});
  auto turn = m.begin_turn("trn_1");
  CAF_CHECK_EQUAL(turn.steps_limit, 3u);
  for (auto* id : {"a", "b", "c"}) {
    CAF_CHECK(m.admit(id, "trn_1").has_value());
    m.release({id});
  }
  auto fourth = m.admit("d", "trn_1");
  CAF_REQUIRE(fourth.has_error());
  CAF_CHECK_EQUAL(to_string(fourth.error().code), "step_limit");
  CAF_CHECK_EQUAL(fourth.error().members, "{\"limit\":3,\"used\":3,\"remaining\":0}");
  m.begin_turn("trn_2");
  CAF_CHECK(m.admit("d", "").has_value());
  CAF_CHECK_EQUAL(to_string(m.admit("e", "trn_1").error().code), "turn_not_found");
}

CAF_TEST(a revoked admission gives its step back) {
  limiter_machine m({.steps_per_turn = 1});
  m.begin_turn("t");
  CAF_CHECK(m.admit("a", "").has_value());
  m.release({"a", true});
  CAF_CHECK(m.admit("b", "").has_value());
}

CAF_TEST(writes of clients and executions share the steps of a turn) {
  limiter_machine m({.steps_per_turn = 2});
  m.begin_turn("t");
  auto& ledger = *m.ledger();
  auto write = ledger.take(5);
  CAF_REQUIRE(write.has_value());
  CAF_CHECK(m.admit("a", "").has_value());
  CAF_CHECK_EQUAL(ledger.last_refusal().at, 0);
  CAF_CHECK_EQUAL(to_string(m.admit("b", "", 6).error().code), "step_limit");
  CAF_CHECK_EQUAL(ledger.last_refusal().at, 6);
  CAF_CHECK_EQUAL(ledger.last_refusal().measure, 2.0);
  ledger.give_back(*write);
  CAF_CHECK(m.admit("b", "").has_value());
  m.change({.steps_per_turn = 3});
  CAF_CHECK(ledger.take(7).has_value());
}

CAF_TEST(a step of an earlier turn is not given back to the next) {
  limiter_machine m({.steps_per_turn = 1});
  m.begin_turn("t");
  auto write = m.ledger()->take(1);
  CAF_REQUIRE(write.has_value());
  m.begin_turn("u");
  CAF_CHECK(m.admit("a", "").has_value());
  m.ledger()->give_back(*write);
  CAF_CHECK_EQUAL(m.ledger()->steps_used(), 1u);
}

CAF_TEST(random turns never have more steps than their limit) {
  auto seed = tests::seed();
  std::mt19937_64 random(seed);
  turn_ledger ledger(4);
  std::vector<std::uint64_t> taken;
  std::uint64_t here = 0, turn = 0;
  for (int n = 0; n < 20'000; ++n) {
    if (random() % 20 == 0) {
      ledger.begin_turn();
      ++turn;
      here = 0;
    } else if (random() % 3 == 0 && !taken.empty()) {
      auto which = taken.begin() + static_cast<std::ptrdiff_t>(random() % taken.size());
      if (*which == turn) --here;
      ledger.give_back(*which);
      taken.erase(which);
    } else if (auto step = ledger.take(1)) {
      taken.push_back(*step);
      ++here;
    } else {
      CAF_REQUIRE_EQUAL(here, 4u);
    }
    CAF_REQUIRE_EQUAL(ledger.steps_used(), here);
  }
}
