// What an actor test includes: CAF's deterministic scheduler and clock, with Troupe's messages.
//
// Nothing runs unless the test says so: `deliver()` handles the messages that are there, `pass(t)`
// lets time go by and handles what that makes due. CAF's own `run()` would trigger timers for ever
// with an actor that has a rhythm, so stop such actors in the fixture's destructor.
#pragma once

#ifndef FAIL
#define FAIL CAF_FAIL  // caf/test/dsl.hpp uses it without defining it
#endif

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>
#include <chrono>
#include <utility>

#include "actors/interfaces.hpp"
#include "actors/node_config.hpp"

namespace tests {

class actor_fixture : public test_coordinator_fixture<actors::node_config> {
 public:
  /// Handles messages until none is left; timers stay.
  std::size_t deliver() { return sched.run(); }

  /// Lets time go by, in steps as fine as a timer may be set.
  void pass(std::chrono::milliseconds time) {
    deliver();
    for (constexpr std::chrono::milliseconds step{1}; time.count() > 0; time -= step) {
      sched.advance_time(step);
      deliver();
    }
  }

  /// Sends a request and handles all messages; the test fails on an error.
  template <class Answer, class Handle, class... Values>
  Answer ask(const Handle& to, Values&&... values) {
    auto response = self->request(to, caf::infinite, std::forward<Values>(values)...);
    deliver();
    Answer out{};
    response.receive([&](Answer& x) { out = std::move(x); },
                     [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
    return out;
  }

  /// The same where an error is what is expected.
  template <class Answer, class Handle, class... Values>
  caf::error ask_in_vain(const Handle& to, Values&&... values) {
    auto response = self->request(to, caf::infinite, std::forward<Values>(values)...);
    deliver();
    caf::error out;
    response.receive([&](Answer&) { CAF_FAIL("an answer where an error was due"); },
                     [&](caf::error& e) { out = std::move(e); });
    return out;
  }

  /// Ends an actor as its supervisor would, and waits for it.
  template <class Handle>
  void stop(Handle& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    deliver();
    actor = Handle();
  }
};

}  // namespace tests
