#define CAF_SUITE command_machine

#include "actors/command/command_machine.hpp"

#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/support/unit.hpp"

using namespace actors;
using namespace protocol;
namespace ev = command_event;
namespace fx = command_effect;

namespace {

constexpr auto out = command_stream::out;

execution_request request(command_spec spec = {.line = "true"}) {
  return {.id = "cmd_1", .sandbox_id = "s", .timeout_ms = 1'000, .command = std::move(spec)};
}

/// Steps a machine, keeps what it told, and checks the invariants that hold after every step.
struct driver {
  explicit driver(execution_request r = request(), command_rules rules = small())
      : machine(r, rules) {}

  static command_rules small() {
    command_rules r;
    r.limit.output_bytes = 4'000;
    r.spill_bytes = 20'000;
    return r;
  }

  template <class Event>
  driver& operator()(Event e) {
    now.steady_ms += 1;
    now.wall += 1;
    last = machine.step(std::move(e), now);
    for (auto& effect : last) check(effect);
    return *this;
  }
  driver& start() { return (*this)(ev::start{}); }
  driver& print(std::string text, command_stream on = out) {
    return (*this)(ev::printed{on, buffer(std::move(text))});
  }
  driver& exit(int code) { return (*this)(ev::exited{.exit_code = code}); }
  driver& pass(command_deadline which) {
    return (*this)(ev::deadline_passed{which, tokens[which]});
  }

  void check(command_output& effect) {
    if (std::holds_alternative<fx::refuse>(effect)) return;
    CAF_REQUIRE(!ended);  // nothing else comes after the end
    if (auto* e = std::get_if<fx::emit>(&effect)) {
      CAF_REQUIRE_EQUAL(e->n, ++events);
      types.push_back(e->type);
      if (e->type != "stream") return;
      auto data = nlohmann::json::parse(e->data.view());
      printed[data["name"]] += data["text"].get<std::string>();
    } else if (auto* f = std::get_if<fx::finish>(&effect)) {
      CAF_REQUIRE_EQUAL(f->record.last_event, ++events);
      CAF_REQUIRE(f->record.status != execution_status::none);
      ended = f->record;
    } else if (auto* s = std::get_if<fx::spill>(&effect)) {
      spilled += s->bytes.view();
    } else if (auto* d = std::get_if<fx::set_deadline>(&effect)) {
      tokens[d->which] = d->token;
    }
  }

  template <class Effect>
  const Effect* find() const {
    for (auto& e : last)
      if (auto* x = std::get_if<Effect>(&e)) return x;
    return nullptr;
  }

  command_machine machine;
  moment now{1'000, 1'700'000'000'000, 7};
  std::vector<command_output> last;
  std::uint64_t events = 0;
  std::vector<std::string> types;
  std::map<std::string, std::string> printed;  ///< by stream
  std::string spilled;
  std::map<command_deadline, std::uint64_t> tokens;
  std::optional<execution_record> ended;
};

}  // namespace

CAF_TEST(exit code 0 is ok and any other an error) {
  driver a, b;
  a.start().exit(0);
  CAF_CHECK_EQUAL(a.ended->status, execution_status::ok);
  CAF_CHECK_EQUAL(a.ended->exit_code, 0);
  b.start().exit(7);
  CAF_CHECK_EQUAL(b.ended->status, execution_status::error);
  CAF_CHECK_EQUAL(b.ended->exit_code, 7);
  CAF_CHECK_EQUAL(b.ended->why.kind, cause_kind::none);
}

CAF_TEST(a signal that ended it is told) {
  driver d;
  d.start()(ev::exited{.signal = SIGSEGV});
  CAF_CHECK_EQUAL(d.ended->status, execution_status::error);
  CAF_CHECK_EQUAL(d.ended->signal, SIGSEGV);
  CAF_CHECK_EQUAL(d.ended->exit_code, -1);
}

CAF_TEST(both streams are told with their names and a split character comes whole) {
  driver d;
  d.start().print("a\xe4").print("err", command_stream::err).print("\xb8\xad!\xff\xf0\x9f").exit(0);
  CAF_CHECK_EQUAL(d.printed["stdout"], "a中!\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CAF_CHECK_EQUAL(d.printed["stderr"], "err");
  CAF_CHECK_EQUAL(d.ended->used.output_bytes, d.printed["stdout"].size() + 3);
}

CAF_TEST(a time limit asks it to end then kills it) {
  driver d;
  d.start().pass(command_deadline::time);
  CAF_CHECK(d.find<fx::terminate_process>());
  CAF_CHECK_EQUAL(d.types.back(), "interrupt");
  d.pass(command_deadline::grace);
  CAF_CHECK(d.find<fx::kill_process>());
  CAF_CHECK_EQUAL(d.find<fx::emit>()->data.view(), R"({"step":"kill","reason":"time_limit"})");
  d(ev::exited{.signal = SIGKILL});
  CAF_CHECK_EQUAL(d.ended->status, execution_status::timeout);
  CAF_CHECK_EQUAL(d.ended->why.limit, "timeout_s=1");
  CAF_CHECK_EQUAL(d.ended->signal, SIGKILL);
}

CAF_TEST(one that ends in its grace keeps its exit code and has timed out) {
  driver d;
  d.start().pass(command_deadline::time).print("bye").exit(0);
  CAF_CHECK_EQUAL(d.ended->status, execution_status::timeout);
  CAF_CHECK_EQUAL(d.ended->exit_code, 0);
  CAF_CHECK_EQUAL(d.printed["stdout"], "bye");
}

CAF_TEST(a process that survives SIGKILL does not hang its command) {
  driver d;
  d.start()(ev::cancel{});
  CAF_CHECK(d.find<fx::kill_process>());
  d.pass(command_deadline::kill);
  CAF_CHECK_EQUAL(d.ended->status, execution_status::cancelled);
  d.exit(0).print("late");
  CAF_CHECK(d.last.empty());
}

CAF_TEST(a limit ends it at once and is why unless something else was before) {
  ev::limit_exceeded over{execution_status::interrupted, {.kind = cause_kind::disk_quota}};
  driver alone, in_grace, cancelled;
  alone.start()(over);
  CAF_CHECK(alone.find<fx::kill_process>());
  alone(over);
  CAF_CHECK(alone.last.empty());
  alone(ev::exited{.signal = SIGKILL});
  CAF_CHECK_EQUAL(alone.ended->status, execution_status::interrupted);
  CAF_CHECK_EQUAL(alone.ended->why.kind, cause_kind::disk_quota);
  in_grace.start().pass(command_deadline::time)(over);
  CAF_CHECK(in_grace.find<fx::kill_process>());
  in_grace(ev::exited{.signal = SIGKILL});
  CAF_CHECK_EQUAL(in_grace.ended->status, execution_status::timeout);
  cancelled.start()(ev::cancel{})(over);
  CAF_CHECK(cancelled.last.empty());
  cancelled(ev::exited{.signal = SIGKILL});
  CAF_CHECK_EQUAL(cancelled.ended->status, execution_status::cancelled);
}

CAF_TEST(a kill at the memory limit is told as such and a feigned one is not ) {
  driver direct, by_shell, feigned;
  direct.start()(ev::exited{.signal = SIGKILL, .memory_bytes = 5});
  CAF_CHECK_EQUAL(direct.ended->status, execution_status::memory_limit);
  by_shell.start()(ev::exited{.exit_code = 137, .memory_bytes = 5});
  CAF_CHECK_EQUAL(by_shell.ended->status, execution_status::memory_limit);
  feigned.start().exit(137);
  CAF_CHECK_EQUAL(feigned.ended->status, execution_status::error);
}

CAF_TEST(what cannot be started ends with why) {
  driver d;
  d.start()(ev::start_failed{"no descriptors"});
  CAF_CHECK_EQUAL(d.ended->why.kind, cause_kind::start_failed);
  CAF_CHECK_EQUAL(d.ended->why.detail, "no descriptors");
}

CAF_TEST(output beyond the bound keeps its head and its tail and the middle goes to a file) {
  driver d;
  d.start();
  std::string all;
  for (int i = 0; i < 200; ++i) {
    auto line = "line " + std::to_string(i) + std::string(40, '.') + "\n";
    all += line;
    d.print(line);
  }
  d.exit(0);
  auto& kept = d.printed["stdout"];
  CAF_REQUIRE(!d.spilled.empty());
  auto head = all.find(d.spilled);
  CAF_REQUIRE_NOT_EQUAL(head, all.npos);
  CAF_CHECK_EQUAL(kept.substr(0, head) + d.spilled + kept.substr(head), all);
  CAF_CHECK_EQUAL(d.ended->truncated.bytes_total, all.size());
  CAF_CHECK_EQUAL(d.ended->used.output_bytes, all.size());
  CAF_CHECK_EQUAL(d.ended->truncated.bytes_kept, kept.size());
  CAF_CHECK_EQUAL(d.ended->truncated.path, "output/cmd_1.log");
  CAF_CHECK_EQUAL(std::count(d.types.begin(), d.types.end(), "truncated"), 1);
}

CAF_TEST(output beyond what its file may hold ends it) {
  driver d;
  d.start();
  for (int i = 0; i < 40 && !d.find<fx::terminate_process>(); ++i) d.print(std::string(1'000, 'x'));
  CAF_CHECK(d.find<fx::terminate_process>());
  d(ev::exited{.signal = SIGTERM});
  CAF_CHECK_EQUAL(d.ended->status, execution_status::output_limit);
}

CAF_TEST(input is taken while stdin is open and within its bound) {
  driver none;
  none.start()(ev::input_given{"x"});
  CAF_CHECK_EQUAL(none.find<fx::refuse>()->f.code, error_code::wrong_state);
  driver d(request({.line = "cat", .input = "first", .keeps_input = true}));
  d.start();
  CAF_REQUIRE(d.find<fx::write_input>());
  CAF_CHECK_EQUAL(d.find<fx::write_input>()->last, false);
  d(ev::input_given{std::string(command_machine::input_bytes_max, 'x')});
  CAF_CHECK_EQUAL(d.find<fx::refuse>()->f.code, error_code::queue_full);
  d(ev::took_input{5})(ev::input_given{std::string(command_machine::input_bytes_max, 'x'), true});
  CAF_CHECK(d.find<fx::write_input>()->last);
  d(ev::took_input{command_machine::input_bytes_max})(ev::input_given{"more"});
  CAF_CHECK_EQUAL(d.find<fx::refuse>()->f.code, error_code::wrong_state);
}

CAF_TEST(only a terminal has a size) {
  driver plain, terminal(request({.line = "sh", .terminal = true}));
  plain.start()(ev::resized{50, 100});
  CAF_CHECK_EQUAL(plain.find<fx::refuse>()->f.code, error_code::wrong_state);
  terminal.start()(ev::resized{50, 100});
  CAF_CHECK_EQUAL(terminal.find<fx::resize>()->rows, 50u);
  terminal(ev::input_given{"", true})(ev::input_given{"x"});  // a terminal stays open
  CAF_CHECK(terminal.find<fx::write_input>());
}

CAF_TEST(every command ends exactly once whatever happens) {
  auto seed = tests::seed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2'000; ++round) {
    driver d(request({.line = "x", .keeps_input = random() % 2 == 0}));
    d.start();
    for (int i = 0; i < 60; ++i) {
      switch (random() % 13) {
        case 0:
        case 1:
        case 2: d.print(std::string(random() % 900, "x\xe4\xb8\xad"[random() % 4])); break;
        case 3: d.print("e", command_stream::err); break;
        case 4: d(ev::took_input{random() % 10}); break;
        case 5: d(ev::input_given{"x", random() % 4 == 0}); break;
        case 6: d(ev::spill_refused{"full"}); break;
        case 7: d.pass(static_cast<command_deadline>(random() % command_deadlines)); break;
        case 8:
          if (random() % 8 == 0) d(ev::cancel{});
          break;
        case 9:
          if (random() % 8 == 0)
            d(ev::stop{execution_status::shutdown, {.kind = cause_kind::shutdown}});
          break;
        case 10:
          if (random() % 8 == 0) d.exit(static_cast<int>(random() % 3));
          break;
        case 11:
          if (random() % 20 == 0) d(ev::start_failed{"no"});
          break;
        case 12:
          if (random() % 8 == 0)
            d(ev::limit_exceeded{execution_status::memory_limit,
                                 {.kind = cause_kind::memory_limit}});
          break;
      }
    }
    // Whatever has happened, its deadlines alone bring it to its end.
    for (auto which : {command_deadline::time, command_deadline::grace, command_deadline::kill})
      d.pass(which);
    CAF_MESSAGE("seed=" << seed);
    CAF_REQUIRE(d.ended.has_value());
  }
}
