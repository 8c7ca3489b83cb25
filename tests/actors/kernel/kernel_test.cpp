#define CAF_SUITE kernel

#include "actors/kernel/kernel.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/test_env.hpp"

using namespace std::chrono_literals;
using namespace protocol;

namespace {

struct fixture : tests::actor_fixture {
  tests::test_env world{"/nowhere"};
  std::shared_ptr<tests::fake_kernel> process = std::make_shared<tests::fake_kernel>();
  tests::journal_record kept;
  tests::followed seen;
  actors::journal_actor journal = sys.spawn(tests::fake_journal, &kept);
  actors::follower_actor reader = sys.spawn(tests::recorder, &seen);
  actors::kernel_actor kernel;

  fixture() {
    world.env.make_kernel_port = tests::ports_of(process);
    world.handles.put(journal);
  }
  ~fixture() override {
    stop(kernel);
    stop(journal);
    stop(reader);
    world.handles.clear();
  }
  void start() {
    actors::kernel_args args{.sandbox_id = "s", .kernel_id = "k"};
    kernel = sys.spawn(actors::kernel, &world.env, args);
    deliver();
    process->come_up();
    deliver();
  }
  execution_record execute(const std::string& id, bool streams = true) {
    execution_request r{.id = id, .code = "print(1)", .told_early = streams};
    return ask<execution_record>(kernel, r, reader);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(kernel_tests, fixture)

CAF_TEST(a printed line comes back as numbered events with ended last) {
  start();
  CAF_CHECK_EQUAL(execute("exe_1").id, "exe_1");
  CAF_CHECK_EQUAL(process->sent.back().msg_type, "execute_request");
  process->run("exe_1", "hello");
  deliver();
  CAF_REQUIRE(seen.ended);
  CAF_REQUIRE_EQUAL(seen.lines.size(), 4u);
  CAF_CHECK(seen.lines[1].find(R"("n":2,"type":"stream")") != std::string::npos);
  CAF_CHECK(seen.lines[3].find(R"("n":4,"type":"ended")") != std::string::npos);
  CAF_CHECK_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK(!world.handles.runner_of("exe_1"));
}

CAF_TEST(its end tells the most processes that were seen and the bytes that were printed) {
  world.views.put(sandbox_view{.spec = {.id = "s"}});
  world.views.put_usage("s", {.processes = 70});
  start();
  execute("exe_1");
  for (auto seen_now : {4u, 9u, 5u}) world.views.put_usage("s", {.processes = seen_now});
  process->run("exe_1", "hello");
  deliver();
  auto told = [&](const char* text) { return seen.lines.back().find(text) != std::string::npos; };
  CAF_CHECK(told(R"("processes":9,"output_bytes":5})"));
  world.views.put_usage("s", {.processes = 6});
  seen = {};
  execute("exe_2");
  process->run("exe_2", "");
  deliver();
  CAF_CHECK(told(R"("processes":6,"output_bytes":0})"));  // nobody looked: what was seen before
}

CAF_TEST(the end is told only once the journal has it) {
  start();
  kept.holds = true;
  execute("exe_1");
  process->run("exe_1", "x");
  deliver();
  CAF_CHECK(!seen.ended);
  CAF_CHECK_EQUAL(seen.lines.size(), 3u);
  caf::anon_send(journal, actors::tick{});
  deliver();
  CAF_CHECK(seen.ended);
}

CAF_TEST(who waits for the end hears everything at once then) {
  start();
  execute("exe_1", false);
  process->say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", "exe_1");
  deliver();
  CAF_CHECK(seen.lines.empty());
  process->run("exe_1", "x");
  deliver();
  CAF_CHECK(seen.ended);
  CAF_CHECK_EQUAL(seen.batches, std::size_t{1});
  CAF_CHECK_EQUAL(seen.lines.size(), 5u);
}

CAF_TEST(an end that the commit log has is told at once and the journal gets it soon) {
  start();
  kept.holds = true;
  world.commits.file = 7;
  execute("exe_1");
  process->run("exe_1", "x");
  deliver();
  CAF_CHECK(seen.ended);
  CAF_CHECK(kept.commits.empty());
  pass(20ms);
  CAF_REQUIRE_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK_EQUAL(kept.commits[0].log_file, 7u);
  CAF_CHECK_EQUAL(kept.commits[0].events.size(), 4u);
  CAF_CHECK(!world.handles.runner_of("exe_1"));
}

CAF_TEST(the commit log keeps all events also when the journal has the first of them) {
  start();
  world.commits.file = 7;
  execute("exe_1");
  process->say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", "exe_1");
  deliver();
  pass(20ms);  // it may be over soon
  pass(20ms);
  process->run("exe_1", "x");
  deliver();
  CAF_REQUIRE(seen.ended);
  CAF_CHECK_EQUAL(world.commits.events, seen.lines.size());
  pass(20ms);
  CAF_REQUIRE_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK_EQUAL(kept.commits[0].first, 2u);
  CAF_CHECK_EQUAL(kept.commits[0].events.size(), seen.lines.size() - 1);
}

CAF_TEST(what has ended and is not with the journal yet can be followed to its end) {
  start();
  world.commits.file = 7;
  execute("exe_1");
  process->run("exe_1", "x");
  deliver();
  for (std::uint64_t from : {1u, 3u, 9u}) {
    tests::followed again{.next = from};
    auto other = sys.spawn(tests::recorder, &again);
    ask<execution_record>(kernel, follow_execution{"exe_1", from, true}, other);
    CAF_CHECK(again.ended);
    CAF_CHECK_EQUAL(again.lines.size(), from > 4 ? 0 : 5 - from);
    CAF_CHECK_EQUAL(again.record.status, execution_status::ok);
  }
}

CAF_TEST(an actor that fails hands over the ends that it told) {
  start();
  world.commits.file = 7;
  execute("exe_1");
  process->run("exe_1", "x");
  deliver();
  caf::anon_send_exit(kernel, caf::exit_reason::kill);
  deliver();
  CAF_REQUIRE_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK(!world.handles.runner_of("exe_1"));
}

CAF_TEST(a journal that does not answer delays the end but never loses it) {
  start();
  kept.holds = true;
  execute("exe_1");
  process->run("exe_1", "x");
  deliver();
  pass(2'100ms);
  CAF_CHECK(seen.ended);
}

CAF_TEST(a kernel that dies while busy ends its execution with the signal) {
  start();
  execute("exe_1");
  process->say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", "exe_1");
  process->die(9);
  deliver();
  CAF_REQUIRE(seen.ended);
  CAF_CHECK_EQUAL(seen.record.status, execution_status::kernel_died);
  CAF_CHECK_EQUAL(seen.record.why.signal, 9);
  CAF_CHECK_EQUAL(process->starts.size(), 2u);
  process->come_up();
  deliver();
  CAF_CHECK_EQUAL(world.views.kernel("s", "k")->view.state, kernel_state::idle);
}

CAF_TEST(an actor that fails kills its process and its successor ends what it left) {
  start();
  execute("exe_1");
  caf::anon_send_exit(kernel, caf::exit_reason::kill);
  deliver();
  CAF_CHECK(process->destroyed);
  kept.unfinished = {{.id = "exe_1", .queued_at = world.clock.at, .last_event = 2}};
  start();
  CAF_REQUIRE_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK_EQUAL(kept.commits[0].record.status, execution_status::kernel_died);
  CAF_CHECK_EQUAL(kept.commits[0].first, 3u);
}

CAF_TEST(a second reader gets everything from the number it asks for) {
  start();
  execute("exe_1");
  process->say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", "exe_1");
  deliver();
  tests::followed other;
  auto late = sys.spawn(tests::recorder, &other);
  ask<execution_record>(kernel, follow_execution{"exe_1", 1, true}, late);
  process->run("exe_1", "y");
  deliver();
  CAF_CHECK(other.ended);
  CAF_CHECK(other.lines == seen.lines);
  stop(late);
}

CAF_TEST(stopping answers when the process is gone and every end is told) {
  start();
  execute("exe_1");
  auto response =
      self->request(kernel, caf::infinite,
                    stop_kernel{execution_status::shutdown, {.kind = cause_kind::shutdown}});
  deliver();
  CAF_CHECK(process->kills > 0);
  process->die(9);
  deliver();
  CAF_CHECK_EQUAL(seen.record.status, execution_status::shutdown);
  response.receive([](const done&) {}, [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
}

CAF_TEST_FIXTURE_SCOPE_END()
