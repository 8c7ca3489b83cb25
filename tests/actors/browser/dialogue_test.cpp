// Tasks that wait, and what becomes of what they wait for.
#define CAF_SUITE browser_dialogue
#include "actors/browser/dialogue.hpp"

#include <stdexcept>

#include "tests/support/unit.hpp"

using namespace actors::browsing;

namespace {

struct fixture {
  std::vector<json> sent;
  dialogue talk{[this](std::string text) { sent.push_back(json::parse(text)); }};
  std::string log;

  void answer(std::size_t n, json result) {
    talk.answered(with("id", sent.at(n)["id"], "result", std::move(result)));
    talk.go_on();
  }
  void advance(double to) {
    talk.set_now(to);
    talk.elapsed();
    talk.go_on();
  }
  task<int> ask(std::string method) {
    auto got = co_await talk.ask("S", method, with("a", 1), 100);
    if (!got) throw std::runtime_error(got.error->message);
    co_return static_cast<int>(integer_at(got.result, "n"));
  }
  task<void> sum() {
    auto first = co_await ask("One.one");
    auto second = co_await ask("Two.two");
    log = std::to_string(first + second);
  }
  task<void> both() {
    auto a = talk.ask("", "A.a");
    auto b = talk.ask("", "B.b");
    auto of_b = co_await b;
    auto of_a = co_await a;
    log = of_a.result.dump() + of_b.result.dump();
  }
  task<void> watch(signal& s) {
    for (;;) {
      auto again = co_await s.next(talk, 50);
      if (!again) break;
      log += "n";
    }
    log += "t";
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(browser_dialogue_tests, fixture)

CAF_TEST(a task goes on when its command is answered) {
  auto work = sum();
  CAF_CHECK(sent.empty());
  work.start();
  CAF_CHECK_EQUAL(sent.at(0)["sessionId"], "S");
  CAF_CHECK_EQUAL(sent.at(0)["params"]["a"], 1);
  answer(0, with("n", 1));
  CAF_CHECK(!work.done());
  answer(1, with("n", 2));
  CAF_CHECK(work.done());
  CAF_CHECK_EQUAL(log, "3");
}

CAF_TEST(several commands may be under way) {
  auto work = both();
  work.start();
  CAF_CHECK_EQUAL(sent.size(), 2u);
  answer(0, json::object());
  CAF_CHECK(!work.done());
  answer(1, with("b", true));
  CAF_CHECK_EQUAL(log, "{}{\"b\":true}");
}

CAF_TEST(a command that is not answered ends in time and the exception reaches whoever awaits) {
  auto work = sum();
  work.start();
  CAF_CHECK_EQUAL(talk.due().value_or(0), 100);
  advance(100);
  CAF_REQUIRE(work.done());
  std::string why;
  try {
    work.take();
  } catch (const std::runtime_error& x) {
    why = x.what();
  }
  CAF_CHECK_EQUAL(why, "the browser did not answer in time");
}

CAF_TEST(what is abandoned is forgotten) {
  {
    auto work = sum();
    work.start();
    talk.answered(with("id", sent.at(0)["id"], "result", json::object()));
  }
  CAF_CHECK(!talk.go_on());
  {
    auto work = both();
    work.start();
  }
  CAF_CHECK(!talk.due());
  answer(1, json::object());
  CAF_CHECK_EQUAL(log, "");
}

CAF_TEST(a signal is waited for again and again until the time is over) {
  signal s;
  auto work = watch(s);
  work.start();
  s.notify();
  talk.go_on();
  s.notify();
  talk.go_on();
  CAF_CHECK_EQUAL(log, "nn");
  advance(50);
  CAF_CHECK_EQUAL(log, "nnt");
  CAF_CHECK(work.done());
}

CAF_TEST_FIXTURE_SCOPE_END()
