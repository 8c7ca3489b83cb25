#define CAF_SUITE limiter_machine

#include "actors/limiter/limiter_machine.hpp"

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
