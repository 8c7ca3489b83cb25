#define CAF_SUITE commands

#include "actors/command/commands.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_command.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/test_env.hpp"

using namespace std::chrono_literals;
using namespace protocol;

namespace {

struct fixture : tests::actor_fixture {
  tests::test_env world{"/nowhere"};
  std::vector<std::shared_ptr<tests::fake_command>> made;
  tests::journal_record kept;
  tests::followed seen;
  actors::journal_actor journal = sys.spawn(tests::fake_journal, &kept);
  actors::follower_actor reader = sys.spawn(tests::recorder, &seen);
  actors::commands_actor commands;

  fixture() {
    world.env.make_command_port = tests::ports_into(made);
    world.handles.put(journal);
    world.settings.command.max_per_sandbox = 2;
  }
  ~fixture() override {
    if (commands) stop(commands);
    stop(journal);
    stop(reader);
    world.handles.clear();
  }
  void start() {
    commands = sys.spawn(actors::commands, &world.env, actors::commands_args{"s", "/w", {}});
    deliver();
  }
  execution_request command(const std::string& id) {
    return {.id = id, .sandbox_id = "s", .timeout_ms = 1'000, .command = {.line = "echo 1"}};
  }
  execution_record run(const std::string& id) {
    return ask<execution_record>(commands, command(id), reader);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(commands_tests, fixture)

CAF_TEST(a printed line comes back as a numbered event with ended last) {
  start();
  CAF_CHECK_EQUAL(run("cmd_1").state, execution_state::running);
  CAF_CHECK_EQUAL(made[0]->start.argv, (std::vector<std::string>{"/bin/bash", "-c", "echo 1"}));
  CAF_CHECK(world.handles.runner_of("cmd_1"));
  CAF_CHECK_EQUAL(world.views.commands("s").running, 1u);
  made[0]->print("1\n");
  made[0]->exit(0);
  deliver();
  CAF_REQUIRE(seen.ended);
  CAF_REQUIRE_EQUAL(seen.lines.size(), 2u);
  CAF_CHECK(seen.lines[0].find(R"("n":1,"type":"stream")") != std::string::npos);
  CAF_CHECK(seen.lines[1].find(R"("exit_code":0)") != std::string::npos);
  CAF_CHECK_EQUAL(made[0]->consumed, 2u);
  CAF_CHECK_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK(!world.handles.runner_of("cmd_1"));
  CAF_CHECK(made[0]->destroyed);
  CAF_CHECK_EQUAL(world.views.commands("s").running, 0u);
}

CAF_TEST(each end tells the most processes that were seen and the bytes that were printed) {
  world.views.put(sandbox_view{.spec = {.id = "s"}});
  start();
  run("cmd_1");
  world.views.put_usage("s", {.processes = 9});
  run("cmd_2");
  world.views.put_usage("s", {.processes = 3});
  auto ends_with = [&](tests::fake_command& each, const char* text) {
    seen = {};
    each.print("中\n");
    each.exit(0);
    deliver();
    return seen.lines.back().find(text) != std::string::npos;
  };
  CAF_CHECK(ends_with(*made[0], R"("processes":9,"output_bytes":4})"));
  CAF_CHECK(ends_with(*made[1], R"("processes":3,"output_bytes":4})"));
}

CAF_TEST(the end is told only once the journal has it or is too late) {
  start();
  kept.holds = true;
  run("cmd_1");
  made[0]->exit(0);
  deliver();
  CAF_CHECK(!seen.ended);
  pass(2'100ms);
  CAF_CHECK(seen.ended);
}

CAF_TEST(an end that the commit log has is told at once) {
  start();
  kept.holds = true;
  world.commits.file = 7;
  run("cmd_1");
  made[0]->exit(0);
  deliver();
  CAF_CHECK(seen.ended);
  CAF_REQUIRE_EQUAL(kept.commits.size(), 1u);
  CAF_CHECK_EQUAL(kept.commits[0].log_file, 7u);
}

CAF_TEST(so many run at once and one more is refused) {
  start();
  run("cmd_1");
  run("cmd_2");
  auto refused = ask_in_vain<execution_record>(commands, command("cmd_3"), reader);
  CAF_CHECK(refused == error_code::execution_limit);
  made[0]->exit(0);
  deliver();
  seen = {};
  CAF_CHECK_EQUAL(run("cmd_3").id, "cmd_3");
}

CAF_TEST(a time limit is SIGTERM then SIGKILL by the clock) {
  start();
  run("cmd_1");
  pass(999ms);
  CAF_CHECK_EQUAL(made[0]->terminations, 0);
  pass(2ms);
  CAF_CHECK_EQUAL(made[0]->terminations, 1);
  pass(2'000ms);
  CAF_CHECK_EQUAL(made[0]->kills, 1);
  made[0]->sink->exited({.signal = 9}, {});
  deliver();
  CAF_REQUIRE(seen.ended);
  CAF_CHECK_EQUAL(seen.record.status, execution_status::timeout);
}

CAF_TEST(a second reader gets everything from the number it asks for) {
  start();
  run("cmd_1");
  made[0]->print("a");
  deliver();
  tests::followed other;
  auto late = sys.spawn(tests::recorder, &other);
  ask<execution_record>(commands, follow_execution{"cmd_1", 1, true}, late);
  made[0]->print("b");
  made[0]->exit(3);
  deliver();
  CAF_CHECK(other.ended);
  CAF_CHECK(other.lines == seen.lines);
  stop(late);
}

CAF_TEST(stopping kills all and answers when every end is told) {
  start();
  run("cmd_1");
  auto response =
      self->request(commands, caf::infinite,
                    stop_commands{execution_status::shutdown, {.kind = cause_kind::shutdown}});
  deliver();
  CAF_CHECK_EQUAL(made[0]->kills, 1);
  auto refused = ask_in_vain<execution_record>(commands, command("cmd_2"), reader);
  CAF_CHECK(refused == error_code::draining);
  made[0]->sink->exited({.signal = 9}, {});
  deliver();
  CAF_CHECK_EQUAL(seen.record.status, execution_status::shutdown);
  response.receive([](const done&) {}, [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
}

CAF_TEST(an actor that fails kills its processes and its successor ends what it left) {
  start();
  run("cmd_1");
  caf::anon_send_exit(commands, caf::exit_reason::kill);
  deliver();
  CAF_CHECK(made[0]->destroyed);
  kept.unfinished = {{.id = "cmd_1", .queued_at = world.clock.at, .last_event = 2},
                     {.id = "cmd_0", .queued_at = world.clock.at - 1, .last_event = 4}};
  start();
  CAF_REQUIRE_EQUAL(kept.commits.size(), 2u);
  CAF_CHECK_EQUAL(kept.commits[0].record.why.kind, cause_kind::actor_failed);
  CAF_CHECK_EQUAL(kept.commits[0].first, 3u);
  CAF_CHECK_EQUAL(kept.commits[1].record.status, execution_status::node_lost);
}

CAF_TEST_FIXTURE_SCOPE_END()
