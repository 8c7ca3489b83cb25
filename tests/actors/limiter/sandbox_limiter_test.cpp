// A sandbox with its limiter and a kernel without a process: what looks lead to, and changes.
#define CAF_SUITE sandbox_limiter

#include "actors/limiter/sandbox_limiter.hpp"

#include <algorithm>

#include "actors/errors.hpp"
#include "actors/sandbox/sandbox.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/browser_port.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_env.hpp"

using namespace std::chrono_literals;
using namespace protocol;

namespace {

struct fixture : tests::actor_fixture {
  tests::temp_dir dir;
  tests::test_env world{dir.path()};
  std::shared_ptr<tests::fake_kernel> process = std::make_shared<tests::fake_kernel>();
  tests::journal_record kept;
  tests::followed seen;
  actors::journal_actor journal = sys.spawn(tests::fake_journal, &kept);
  actors::follower_actor reader = sys.spawn(tests::recorder, &seen);
  actors::sandbox_actor sandbox;

  fixture() {
    world.env.make_kernel_port = tests::ports_of(process);
    world.env.make_browser_port = tests::no_browser;
    world.handles.put(journal);
    world.settings.limits.watch_ms = 100;
    sandbox_spec spec{.id = "s"};
    spec.limit.disk_bytes = 1'000;
    spec.limit.kernels_max = 1;
    sandbox = sys.spawn(actors::sandbox, &world.env, spec);
    deliver();
    process->come_up();
    deliver();
  }
  ~fixture() override {
    world.handles.clear();
    stop(sandbox);
    stop(journal);
    stop(reader);
  }
  auto limiter() { return world.handles.sandbox("s").limiter; }
  actors::execution_actor kernel() { return world.handles.kernel("s", "main"); }
  execution_record execute(const std::string& id) {
    execution_request r{.id = id, .code = "1"};
    return ask<execution_record>(limiter(), r, kernel(), reader);
  }
  limit_view row(const std::string& name) {
    for (auto& each : ask<limits_view>(limiter(), look_at_limits{"s"}).limits)
      if (each.name == name) return each;
    CAF_FAIL("no row " << name);
  }
  /// From then on an execution waits for a look, and looks wait to be let go.
  void fill_up_and_hold() {
    world.boxes.used = {.grouped = true, .disk_bytes = 2'000};
    row("disk_bytes");
    world.pool.held = true;
  }
  auto begin_execute(const std::string& id) {
    execution_request r{.id = id, .code = "1"};
    auto response = self->request(limiter(), caf::infinite, r, kernel(), reader);
    deliver();
    return response;
  }
  template <class Answer, class Response>
  void refused_as(error_code code, Response& response) {
    response.receive([](Answer&) { CAF_FAIL("an answer where an error was due"); },
                     [code](caf::error& e) { CAF_CHECK(e == code); });
  }
  void kill_limiter() {
    caf::anon_send_exit(limiter(), caf::exit_reason::kill);
    deliver();
  }
  std::size_t hits() {
    return static_cast<std::size_t>(std::ranges::count(kept.node_events, "limit_hit"));
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(sandbox_limiter_tests, fixture)

CAF_TEST(what the system refused is told once a sandbox) {
  execute("a");
  world.boxes.used = {.grouped = true, .process_refusals = 3};
  pass(250ms);
  CAF_REQUIRE_EQUAL(hits(), 1u);
  CAF_CHECK(kept.node_event_data.back().find(R"("limit":"processes")") != std::string::npos);
  CAF_CHECK_EQUAL(row("processes").last.action, "refused");
  CAF_CHECK_EQUAL(hits(), 1u);
}

CAF_TEST(a sandbox that begins to work between two looks is looked at soon) {
  pass(50ms);  // it rests, so the look after the next would be far off
  world.boxes.used = {.grouped = true, .cpu_ms = 90, .disk_bytes = 10};
  pass(100ms);  // it is busy
  execute("a");
  world.boxes.used.disk_bytes = 2'000;
  pass(250ms);
  CAF_CHECK_EQUAL(hits(), 1u);
}

CAF_TEST(what went through the proxy has a row where there is a proxy) {
  auto rows = [&] { return ask<limits_view>(limiter(), look_at_limits{"s"}).limits; };
  CAF_CHECK_EQUAL(std::ranges::count(rows(), "egress_bytes", &limit_view::name), 0);
  world.settings.kernel.egress.mode = "proxy";
  world.settings.kernel.egress.bytes_max = 10;
  world.views.egress("s")->bytes = 11;
  world.views.egress("s")->last_refused_at = 7;
  auto shown = row("egress_bytes");
  CAF_CHECK_EQUAL(shown.limit, 10.0);
  CAF_CHECK_EQUAL(shown.used, 11.0);
  CAF_CHECK_EQUAL(shown.last.at, 7);
}

CAF_TEST(a full workspace ends what runs and lets nothing in until it is measured smaller) {
  execute("a");
  process->say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", "a");
  world.boxes.used = {.grouped = true, .disk_bytes = 2'000};
  pass(250ms);
  CAF_CHECK_EQUAL(hits(), 1u);
  CAF_CHECK_EQUAL(process->interrupts, 1);
  execution_request r{.id = "b", .code = "1"};
  auto refused = ask_in_vain<execution_record>(limiter(), r, kernel(), reader);
  CAF_CHECK(refused == error_code::disk_quota);
  world.boxes.used.disk_bytes = 500;
  CAF_CHECK_EQUAL(execute("c").id, "c");  // no clock had to go by
}

CAF_TEST(whoever waits for a look is answered when the limiter dies) {
  fill_up_and_hold();
  auto held = begin_execute("b");
  auto asked = self->request(limiter(), caf::infinite, look_at_limits{"s"});
  deliver();
  kill_limiter();
  refused_as<execution_record>(error_code::unavailable, held);
  refused_as<limits_view>(error_code::unavailable, asked);
}

CAF_TEST(an execution that was held until its client gave up is not let in) {
  fill_up_and_hold();
  auto held = begin_execute("b");
  pass(4'100ms);
  world.boxes.used.disk_bytes = 500;
  world.pool.let_go();
  deliver();
  refused_as<execution_record>(error_code::unavailable, held);
  CAF_CHECK_EQUAL(execute("c").id, "c");
}

CAF_TEST(a limiter that replaces another does not count its processor time again) {
  world.boxes.used = {.grouped = true, .cpu_ms = 300};
  row("cpus");
  CAF_CHECK_EQUAL(world.views.counters.sandbox_cpu_ms.load(), 300u);
  kill_limiter();
  pass(1'000ms);
  world.boxes.used.cpu_ms = 350;
  row("cpus");
  CAF_CHECK_EQUAL(world.views.counters.sandbox_cpu_ms.load(), 350u);
}

CAF_TEST(too much memory without a group kills the kernel) {
  execute("a");
  world.boxes.used = {.memory_bytes = 600'000'000, .largest = "main"};
  pass(250ms);
  CAF_CHECK(process->kills > 0);
  CAF_CHECK_EQUAL(hits(), 1u);
}

CAF_TEST(changed limits reach everybody and are kept) {
  auto rows = ask<limits_view>(sandbox, change_limits{{{"memory_bytes", 7e8}, {"kernels_max", 2}}});
  CAF_CHECK_EQUAL(rows.limits.at(0).limit, 7e8);
  CAF_CHECK_EQUAL(world.boxes.held_to.memory_bytes, 700'000'000u);
  CAF_CHECK_EQUAL(world.views.sandbox("s")->spec.limit.kernels_max, 2u);
  CAF_CHECK_EQUAL(kept.specs.back().limit.memory_bytes, 700'000'000u);
  process->die(9);
  pass(150ms);
  CAF_REQUIRE_EQUAL(process->starts.size(), 2u);
  CAF_CHECK_EQUAL(process->starts[1].limit.memory_bytes, 700'000'000u);
}

CAF_TEST(a change that the system refuses changes nothing) {
  world.boxes.refuses = "in use";
  auto why = ask_in_vain<limits_view>(sandbox, change_limits{{{"memory_bytes", 7e8}}});
  CAF_CHECK(why == error_code::wrong_state);
  CAF_CHECK_EQUAL(world.views.sandbox("s")->spec.limit.memory_bytes, 500'000'000u);
  world.boxes.refuses.clear();
  ask<limits_view>(sandbox, change_limits{{{"processes", 7}}});
  CAF_CHECK_EQUAL(world.views.sandbox("s")->spec.limit.processes, 7u);
}

CAF_TEST(a change that comes through while the sandbox closes is refused and not kept) {
  world.pool.held = true;
  auto first = self->request(sandbox, caf::infinite, change_limits{{{"memory_bytes", 7e8}}});
  auto second = self->request(sandbox, caf::infinite, change_limits{{{"processes", 7}}});
  deliver();
  auto kept_before = kept.specs.size();
  caf::anon_send(sandbox, close_sandbox{});
  deliver();
  refused_as<limits_view>(error_code::wrong_state, first);
  refused_as<limits_view>(error_code::wrong_state, second);
  world.pool.let_go();
  deliver();
  CAF_CHECK_EQUAL(kept.specs.size(), kept_before);
}

CAF_TEST(steps are counted and their refusal is shown) {
  ask<limits_view>(sandbox, change_limits{{{"steps_per_turn", 1}}});
  execute("a");
  execution_request r{.id = "b", .code = "1"};
  CAF_CHECK(ask_in_vain<execution_record>(limiter(), r, kernel(), reader) ==
            error_code::step_limit);
  auto steps = row("steps_per_turn");
  CAF_CHECK_EQUAL(steps.used, 1.0);
  CAF_CHECK_EQUAL(steps.last.action, "refused");
}

CAF_TEST(a step that a client took by itself is one of the turn) {
  ask<limits_view>(sandbox, change_limits{{{"steps_per_turn", 1}}});
  auto ledger = world.env.views.ledger("s");
  CAF_REQUIRE(ledger != nullptr);
  CAF_CHECK(ledger->take(7).has_value());
  execution_request r{.id = "b", .code = "1"};
  CAF_CHECK(ask_in_vain<execution_record>(limiter(), r, kernel(), reader) ==
            error_code::step_limit);
  CAF_CHECK_EQUAL(row("steps_per_turn").used, 1.0);
}

CAF_TEST_FIXTURE_SCOPE_END()
