#define CAF_SUITE kernel_machine

#include "actors/kernel/kernel_machine.hpp"

#include <map>
#include <random>
#include <set>

#include "tests/support/unit.hpp"

using namespace actors;
using namespace protocol;
namespace ev = kernel_event;
namespace fx = kernel_effect;

namespace {

/// Steps a machine, keeps what it told, and checks the invariants that hold after every step.
struct driver {
  kernel_machine machine{"s", "k", rules()};
  moment now{1'000, 1'700'000'000'000, 7};
  std::vector<kernel_output> last;
  std::map<std::string, std::uint64_t> numbers;  ///< last event number by accepted execution
  std::map<std::string, execution_record> ended;
  std::vector<std::string> told;  ///< event types in order, of all executions
  std::map<kernel_deadline, std::uint64_t> tokens;
  std::uint64_t generation = 0;
  bool stopped = false;
  std::string sent;  ///< the execution the kernel has now

  static kernel_rules rules() {
    kernel_rules r;
    r.kernel.queue_max = 3;
    r.kernel.restart = {.max_restarts = 3, .window_ms = 60'000, .stable_after_ms = 250};
    r.output_bytes = 4'000;
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

  void check(kernel_output& effect) {
    if (auto* x = std::get_if<fx::start_process>(&effect)) {
      CAF_REQUIRE_EQUAL(x->generation, generation + 1);
      generation = x->generation;
    } else if (auto* a = std::get_if<fx::accept>(&effect)) {
      CAF_REQUIRE(numbers.emplace(a->record->id, 0).second);
    } else if (auto* e = std::get_if<fx::emit>(&effect)) {
      CAF_REQUIRE_EQUAL(e->n, ++numbers.at(e->execution_id));
      CAF_REQUIRE(!ended.contains(e->execution_id));
      told.push_back(e->type);
    } else if (auto* f = std::get_if<fx::finish>(&effect)) {
      CAF_REQUIRE(ended.emplace(f->record->id, *f->record).second);
      CAF_REQUIRE_EQUAL(f->record->last_event, ++numbers.at(f->record->id));
      CAF_REQUIRE(f->record->status != execution_status::none);
      if (sent == f->record->id) sent.clear();
    } else if (auto* d = std::get_if<fx::set_deadline>(&effect)) {
      tokens[d->which] = d->token;
    } else if (auto* s = std::get_if<fx::send>(&effect)) {
      if (s->msg_type != "execute_request") return;
      CAF_REQUIRE(sent.empty());  // never two at a time
      sent = s->msg_id;
    } else if (std::holds_alternative<fx::stopped>(effect)) {
      stopped = true;
    }
  }

  template <class Effect>
  const Effect* find() const {
    for (auto& effect : last)
      if (auto* x = std::get_if<Effect>(&effect)) return x;
    return nullptr;
  }

  driver& start() {
    return (*this)(ev::start{1})(ev::process_started{1, 42, "f"})(ev::answered{1});
  }
  driver& execute(const std::string& id) {
    execution_request r{.id = id, .code = "1"};
    return (*this)(ev::execute{r});
  }
  driver& say(jupyter::channel on, const std::string& type, const std::string& content,
              const std::string& parent) {
    return (*this)(ev::message{
        generation,
        {.on = on, .msg_type = type, .parent_msg_id = parent, .content = buffer(content)}});
  }
  driver& busy(const std::string& id) {
    return say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", id);
  }
  driver& idle(const std::string& id) {
    return say(jupyter::channel::iopub, "status", R"({"execution_state":"idle"})", id);
  }
  driver& reply(const std::string& id, const std::string& content = R"({"status":"ok"})") {
    return say(jupyter::channel::shell, "execute_reply", content, id);
  }
  driver& pass(kernel_deadline which) { return (*this)(ev::deadline_passed{which, tokens[which]}); }
  driver& die(int signal = 9) {
    (*this)(ev::process_exited{generation, {.kind = cause_kind::signal, .signal = signal}});
    return (*this)(ev::drained{generation});
  }
};

}  // namespace

CAF_TEST(an execution ends after both its reply and idle) {
  driver d;
  d.start().execute("a").busy("a").reply("a");
  CAF_CHECK(d.ended.empty());
  d.idle("a");
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::ok);
  d.execute("b").busy("b").idle("b");
  CAF_CHECK(!d.ended.contains("b"));
  d.reply("b");
  CAF_CHECK_EQUAL(d.ended.at("b").status, execution_status::ok);
}

CAF_TEST(the bytes that it printed are counted to its end) {
  driver d;
  d.start().execute("a").execute("b").busy("a");
  for (int i = 0; i < 9; ++i)
    d.say(jupyter::channel::iopub, "stream",
          R"({"name":"stdout","text":")" + std::string(1'000, 'x') + "\"}", "a");
  d.reply("a").idle("a");
  CAF_CHECK(d.ended.at("a").truncated.bytes_kept < 9'000);
  CAF_CHECK_EQUAL(d.ended.at("a").used.output_bytes, 9'000u);
  d.busy("b").reply("b").idle("b");
  CAF_CHECK_EQUAL(d.ended.at("b").used.output_bytes, 0u);
}

CAF_TEST(a kernel that dies while busy fails what runs and what waits and starts again) {
  driver d;
  d.start().execute("a").execute("b").busy("a").die();
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::kernel_died);
  CAF_CHECK_EQUAL(d.ended.at("a").why.signal, 9);
  CAF_CHECK_EQUAL(d.ended.at("a").state_preserved, false);
  CAF_CHECK_EQUAL(d.ended.at("b").status, execution_status::kernel_died);
  CAF_CHECK_EQUAL(d.told.back(), "kernel_restarting");
  CAF_CHECK_EQUAL(d.generation, 2u);
}

CAF_TEST(output that lags behind the reply is waited for as long as it comes) {
  driver d;
  d.start().execute("a").busy("a").reply("a");
  auto wait = *d.find<fx::set_deadline>();
  for (int i = 0; i < 5; ++i) {
    d.now.steady_ms += static_cast<double>(wait.after_ms) - 10;
    d.say(jupyter::channel::iopub, "stream", R"({"name":"stdout","text":"x"})", "a");
    d.now.steady_ms += 10;
    d(ev::deadline_passed{kernel_deadline::settle, wait.token});
    CAF_REQUIRE(d.find<fx::set_deadline>() && d.ended.empty());
    wait = *d.find<fx::set_deadline>();
  }
  d.now.steady_ms += static_cast<double>(wait.after_ms);
  d(ev::deadline_passed{kernel_deadline::settle, wait.token});
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::ok);
}

CAF_TEST(an execution that comes after the death was noticed waits for the next generation) {
  driver d;
  d.start().execute("a").execute("b");
  d(ev::process_exited{1, {.kind = cause_kind::signal, .signal = 9}}).execute("c");
  d(ev::drained{1});
  CAF_CHECK(d.ended.contains("a") && d.ended.contains("b"));
  CAF_CHECK(!d.ended.contains("c"));
  d(ev::process_started{2, 43, "g"})(ev::answered{2});
  CAF_CHECK_EQUAL(d.sent, "c");
}

CAF_TEST(an interrupt that hits before the code ends it although no reply comes) {
  driver d;
  d.start().execute("a");
  d.say(jupyter::channel::iopub, "status", R"({"execution_state":"busy"})", "a");
  d(ev::interrupt{"client"});
  d.say(jupyter::channel::iopub, "status", R"({"execution_state":"idle"})", "a");
  auto* wait = d.find<fx::set_deadline>();
  CAF_REQUIRE(wait != nullptr && wait->which == kernel_deadline::settle);
  CAF_CHECK_LESS(wait->after_ms, 1'000);
  d.now.steady_ms += static_cast<double>(wait->after_ms);
  d.pass(kernel_deadline::settle);
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::interrupted);
  CAF_CHECK(d.ended.at("a").state_preserved);
}

CAF_TEST(what runs in a full workspace is interrupted with the quota as its cause) {
  driver d;
  d.start();
  cause why{.kind = cause_kind::disk_quota, .limit = "disk_bytes=5", .detail = "full"};
  d(ev::limit_exceeded{d.generation, false, why});
  CAF_CHECK(d.last.empty());  // nothing runs
  d.execute("a").execute("b").busy("a");
  d(ev::limit_exceeded{d.generation, false, why});
  CAF_CHECK(d.find<fx::interrupt_process>() != nullptr);
  d(ev::limit_exceeded{d.generation, false, why});
  CAF_CHECK(d.last.empty());  // it is being interrupted
  d.reply("a", R"({"status":"error","ename":"KeyboardInterrupt"})").idle("a");
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::interrupted);
  CAF_CHECK(d.ended.at("a").why == why);
  CAF_CHECK(d.ended.at("a").state_preserved);
  CAF_CHECK_EQUAL(d.sent, "b");
  d.busy("b")(ev::limit_exceeded{d.generation, false, why});
  d.pass(kernel_deadline::interrupt);  // deaf
  CAF_CHECK(d.find<fx::kill_process>() != nullptr);
  d.die();
  CAF_CHECK_EQUAL(d.ended.at("b").status, execution_status::interrupted);
  CAF_CHECK(d.ended.at("b").why == why);
  CAF_CHECK(!d.ended.at("b").state_preserved);
}

CAF_TEST(what the limiter kills for going on to write ends as interrupted too) {
  driver d;
  d.start().execute("a").execute("b").busy("a");
  cause why{.kind = cause_kind::disk_quota, .limit = "disk_bytes=5", .detail = "full"};
  d(ev::limit_exceeded{d.generation, false, why})(ev::limit_exceeded{d.generation, true, why});
  CAF_CHECK(d.find<fx::kill_process>() != nullptr);
  d.die();
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::interrupted);
  CAF_CHECK(d.ended.at("a").why.kind == cause_kind::disk_quota);
  CAF_CHECK_EQUAL(d.ended.at("b").status, execution_status::kernel_died);  // it wrote nothing
}

CAF_TEST(a kernel killed for the memory of its sandbox ends what ran as memory_limit) {
  driver d;
  d.start().execute("a").busy("a");
  cause why{.kind = cause_kind::memory_limit, .limit = "memory_bytes=5", .detail = "too much"};
  d(ev::limit_exceeded{d.generation, true, why});
  CAF_CHECK(d.find<fx::kill_process>() != nullptr);
  d.die();
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::memory_limit);
  CAF_CHECK(d.ended.at("a").why == why);
  CAF_CHECK(!d.ended.at("a").state_preserved);
  d(ev::limit_exceeded{d.generation, true, why});  // the next generation is on its way
  CAF_CHECK_EQUAL(d.generation, 2u);
}

CAF_TEST(an order for an earlier generation does not hit the next) {
  driver d;
  d.start().die();
  d(ev::process_started{2, 43, "f"})(ev::answered{2});
  d.execute("a").busy("a");
  CAF_CHECK_EQUAL(d.generation, 2u);
  cause why{.kind = cause_kind::memory_limit, .limit = "memory_bytes=5", .detail = "too much"};
  d(ev::limit_exceeded{1, true, why});
  CAF_CHECK(d.last.empty());
  d(ev::limit_exceeded{1, false, why});
  CAF_CHECK(d.last.empty());
  d(ev::limit_exceeded{2, true, why});
  CAF_CHECK(d.find<fx::kill_process>() != nullptr);
}

CAF_TEST(what is printed after the end is told by the node within a bound) {
  driver d;
  d.start().execute("exe_1").busy("exe_1").reply("exe_1").idle("exe_1");
  auto late = [&](const std::string& text, const std::string& parent = "exe_1") {
    d.say(jupyter::channel::iopub, "stream", "{\"name\":\"stdout\",\"text\":\"" + text + "\"}",
          parent);
    return d.find<fx::announce>();
  };
  auto* told = late("LATE");
  CAF_REQUIRE(told && told->type == "kernel_output");
  CAF_CHECK_EQUAL(told->members,
                  R"("execution_id":"exe_1","generation":1,"name":"stdout","text":"LATE",)"
                  R"("truncated":false)");
  CAF_CHECK(late("x", "another client's") == nullptr);
  int events = 0;
  while (auto* next = late("y")) {
    CAF_REQUIRE(++events < 1'000);
    auto whole = next->members.ends_with("false");
    if (!whole) break;
  }
  CAF_CHECK_EQUAL(events, 255);
  CAF_CHECK(late("z") == nullptr);
  d.execute("exe_2").busy("exe_2").reply("exe_2").idle("exe_2");
  CAF_CHECK(late(std::string(100'000, 'l'), "exe_2")->members.ends_with(R"("truncated":true)"));
}

CAF_TEST(a stale generation changes nothing) {
  driver d;
  d.start().die();
  d(ev::process_started{1, 1, ""})(ev::answered{1})(ev::heartbeat_lost{1, 5})(ev::drained{1});
  CAF_CHECK(d.last.empty());
  CAF_CHECK_EQUAL(d.machine.view().generation, 2u);
}

CAF_TEST(the time limit interrupts and then kills) {
  driver d;
  d.start().execute("a").busy("a").pass(kernel_deadline::time);
  CAF_CHECK(d.find<fx::interrupt_process>());
  CAF_CHECK_EQUAL(d.told.back(), "interrupt");
  d.pass(kernel_deadline::interrupt);
  CAF_CHECK(d.find<fx::kill_process>());
  d.die();
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::timeout);
  CAF_CHECK_EQUAL(d.ended.at("a").why.limit, "timeout_s=30");
  CAF_CHECK_EQUAL(d.ended.at("a").state_preserved, false);
}

CAF_TEST(an execution that obeys the interrupt keeps the state) {
  driver d;
  d.start().execute("a").busy("a").pass(kernel_deadline::time);
  d.reply("a", R"({"status":"error","ename":"KeyboardInterrupt"})").idle("a");
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::timeout);
  CAF_CHECK_EQUAL(d.ended.at("a").state_preserved, true);
}

CAF_TEST(an interrupt before the kernel is busy waits for it) {
  driver d;
  d.start().execute("a")(ev::cancel{"a"});
  CAF_CHECK(!d.find<fx::interrupt_process>());
  d.busy("a");
  CAF_CHECK(d.find<fx::interrupt_process>());
}

CAF_TEST(a full queue refuses with what is found and what is allowed) {
  driver d;
  d.start().execute("a").execute("b").execute("c").execute("d").execute("e");
  auto* refused = d.find<fx::refuse>();
  CAF_REQUIRE(refused);
  CAF_CHECK_EQUAL(to_string(refused->f.code), "queue_full");
  CAF_CHECK(refused->f.retry_after_s > 0);
}

CAF_TEST(a kernel that never answers is given up and its queue ends) {
  driver d;
  d(ev::start{1}).execute("a");
  for (int i = 0; i < 4; ++i) {
    d.pass(kernel_deadline::start).die();
    if (d.machine.view().state != kernel_state::failed) d.pass(kernel_deadline::backoff);
  }
  CAF_CHECK_EQUAL(d.machine.view().state, kernel_state::failed);
  CAF_CHECK_EQUAL(d.machine.view().last_cause.kind, cause_kind::restarts_exhausted);
  d.execute("b");
  CAF_CHECK(d.find<fx::refuse>());
  d(ev::restart{})(ev::process_started{d.generation, 5, "f"})(ev::answered{d.generation});
  CAF_CHECK_EQUAL(d.machine.view().state, kernel_state::idle);
}

CAF_TEST(stdin is given only when it was asked for) {
  driver d;
  d.start().execute("a").busy("a")(ev::stdin_given{"a", "x"});
  CAF_CHECK(d.find<fx::refuse>());
  d.say(jupyter::channel::input, "input_request", R"({"prompt":"?","password":false})", "a");
  d(ev::stdin_given{"a", "x"});
  CAF_REQUIRE(d.find<fx::send>());
  CAF_CHECK_EQUAL(d.find<fx::send>()->msg_type, "input_reply");
}

CAF_TEST(a process that survives SIGKILL does not hang its execution) {
  driver d;
  d.start().execute("a").busy("a")(ev::heartbeat_lost{1, 5}).pass(kernel_deadline::kill);
  CAF_CHECK_EQUAL(d.ended.at("a").status, execution_status::kernel_died);
  CAF_CHECK_EQUAL(d.ended.at("a").why.kind, cause_kind::heartbeat);
}

CAF_TEST(every accepted execution ends exactly once whatever happens) {
  std::random_device device;
  auto seed = device();
  CAF_MESSAGE("seed=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 400; ++round) {
    driver d;
    d(ev::start{1});
    int made = 0;
    for (int i = 0; i < 120; ++i) {
      d.now.steady_ms += static_cast<double>(random() % 400);
      auto id = "e" + std::to_string(random() % static_cast<unsigned>(made + 1));
      auto g = random() % 5 == 0 ? d.generation - 1 : d.generation;
      switch (random() % 18) {
        case 0:
        case 1: d.execute("e" + std::to_string(made++)); break;
        case 2: d(ev::process_started{g, 7, "f"}); break;
        case 3:
        case 4: d(ev::answered{g}); break;
        case 5: d(ev::process_exited{g, {.kind = cause_kind::exit, .exit_code = 1}}); break;
        case 6: d(ev::drained{g}); break;
        case 7: d(ev::heartbeat_lost{g, 5}); break;
        case 8: d(ev::cancel{id}); break;
        case 9: d(ev::interrupt{"test"}); break;
        case 10:
          if (random() % 8 == 0) d(ev::restart{});
          break;
        case 11: d.busy(d.sent); break;
        case 12: d.idle(d.sent); break;
        case 13: d.reply(d.sent); break;
        case 14:
          d.say(jupyter::channel::iopub, "stream",
                R"({"name":"stdout","text":")" + std::string(random() % 900, 'x') + "\"}", d.sent);
          break;
        case 15: d.say(jupyter::channel::input, "input_request", "{}", d.sent); break;
        case 16: d(ev::process_start_failed{g, "no"}); break;
        case 17: d.pass(static_cast<kernel_deadline>(random() % kernel_deadlines)); break;
      }
    }
    d(ev::stop{execution_status::shutdown, {.kind = cause_kind::shutdown}});
    for (int i = 0; i < 4 && !d.stopped; ++i)
      d.pass(kernel_deadline::stop).pass(kernel_deadline::kill).die();
    CAF_REQUIRE(d.stopped);
    CAF_REQUIRE_EQUAL(d.ended.size(), d.numbers.size());
  }
}
