// When a browser's process starts, ends and starts again.
#define CAF_SUITE browser_machine
#include "actors/browser/browser_machine.hpp"

#include "tests/support/unit.hpp"

using namespace actors;
using protocol::cause;
using protocol::cause_kind;

namespace {

struct fixture {
  template <class Event>
  void on(Event event) {
    told = machine.step(std::move(event), {clock_ms, 0, 1});
  }
  template <class Effect>
  const Effect* find() const {
    for (auto& each : told)
      if (auto* x = std::get_if<Effect>(&each)) return x;
    return nullptr;
  }
  void become_ready() {
    on(browser_event::process_started{machine.generation(), 4711});
    on(browser_event::answered{machine.generation()});
  }
  void die() {
    on(browser_event::exited{machine.generation(), {.kind = cause_kind::signal, .signal = 9}});
  }

  config::browser_options rules;
  browser_machine machine{rules};
  std::vector<browser_output> told;
  double clock_ms = 1'000;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(browser_machine_tests, fixture)

CAF_TEST(it starts when it is wanted and once) {
  on(browser_event::wanted{});
  CAF_CHECK(find<browser_effect::start_process>());
  on(browser_event::wanted{});
  CAF_CHECK(told.empty());
  become_ready();
  CAF_CHECK(find<browser_effect::became_ready>());
  CAF_CHECK_EQUAL(machine.pid(), 4711);
}

CAF_TEST(a death is followed by another generation) {
  on(browser_event::wanted{});
  become_ready();
  clock_ms += 5'000;
  die();
  auto* gone = find<browser_effect::gone>();
  CAF_REQUIRE(gone);
  CAF_CHECK(gone->restarts);
  CAF_CHECK_EQUAL(gone->generation, 1u);
  CAF_CHECK_EQUAL(machine.generation(), 2u);
  die();
  on(browser_event::answered{1});
  CAF_CHECK(told.empty());  // of another generation
}

CAF_TEST(one that dies too often fails and can be restarted by hand) {
  rules.restart.stable_after_ms = 1'000'000;
  on(browser_event::wanted{});
  for (std::uint64_t n = 0; n <= rules.restart.max_restarts; ++n) {
    become_ready();
    die();
    if (auto* wait = find<browser_effect::set_deadline>();
        wait && !find<browser_effect::start_process>())
      on(browser_event::deadline_passed{wait->token});
  }
  CAF_CHECK(machine.phase() == browser_phase::failed);
  CAF_CHECK(machine.last_cause().kind == cause_kind::restarts_exhausted);
  on(browser_event::wanted{});
  CAF_CHECK(told.empty());
  on(browser_event::restart_asked{});
  CAF_CHECK(find<browser_effect::start_process>());
}

CAF_TEST(one that cannot be started is told of and tried again at the next use) {
  on(browser_event::wanted{});
  on(browser_event::process_start_failed{1, "no such file"});
  auto* gone = find<browser_effect::gone>();
  CAF_REQUIRE(gone);
  CAF_CHECK(!gone->restarts);
  CAF_CHECK(machine.phase() == browser_phase::stopped);
  on(browser_event::wanted{});
  CAF_CHECK_EQUAL(machine.generation(), 2u);
}

CAF_TEST(a stop is gentle and then it is not ) {
  on(browser_event::wanted{});
  become_ready();
  on(browser_event::stop_asked{{.kind = cause_kind::cancelled}});
  CAF_CHECK(find<browser_effect::stop_process>());
  auto* grace = find<browser_effect::set_deadline>();
  CAF_REQUIRE(grace);
  on(browser_event::deadline_passed{grace->token});
  CAF_CHECK(find<browser_effect::kill_process>());
  die();
  CAF_CHECK(machine.phase() == browser_phase::stopped);
  CAF_CHECK(machine.last_cause().kind == cause_kind::cancelled);
}

CAF_TEST(a use while it stops starts it again) {
  on(browser_event::wanted{});
  become_ready();
  on(browser_event::stop_asked{{.kind = cause_kind::cancelled}});
  on(browser_event::wanted{});
  die();
  CAF_CHECK(machine.phase() == browser_phase::starting);
}

CAF_TEST(silence and a late answer end it) {
  on(browser_event::wanted{});
  auto* limit = find<browser_effect::set_deadline>();
  CAF_REQUIRE(limit);
  on(browser_event::deadline_passed{limit->token});
  CAF_CHECK(find<browser_effect::kill_process>());
  die();
  CAF_CHECK(machine.last_cause().kind == cause_kind::start_timeout);
  become_ready();
  on(browser_event::silent{machine.generation(), rules.ping_misses - 1});
  CAF_CHECK(told.empty());
  on(browser_event::silent{machine.generation(), rules.ping_misses});
  CAF_CHECK(find<browser_effect::kill_process>());
}

CAF_TEST(once closed nothing starts) {
  on(browser_event::wanted{});
  become_ready();
  on(browser_event::close_asked{{.kind = cause_kind::shutdown}});
  on(browser_event::restart_asked{});
  die();
  CAF_CHECK(find<browser_effect::closed>());
  for (int i = 0; i < 2; ++i) {
    on(browser_event::wanted{});
    CAF_CHECK(told.empty());
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
