// When a browser's process starts, ends and starts again. A pure machine: events in, effects out.
//
// States: stopped -> starting -> up -> stopping | dying -> starting | waiting | stopped | failed.
// It starts when it is wanted; after a death it starts again by policy, at once or after a wait.
// One that cannot even be started stays down until it is wanted again. Invariants: one generation
// at a time; an event of another generation changes nothing; every start is answered by
// `became_ready` or `gone`; once `over`, nothing starts any more.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "actors/moment.hpp"
#include "actors/supervision/restart.hpp"
#include "config/config.hpp"
#include "protocol/cause.hpp"

namespace actors {

enum class browser_phase : std::uint8_t { stopped, starting, up, ending, waiting, failed, over };

namespace browser_event {
/// Somebody uses it.
struct wanted {};
struct process_started {
  std::uint64_t generation = 0;
  int pid = 0;
};
struct process_start_failed {
  std::uint64_t generation = 0;
  std::string why;
};
struct answered {
  std::uint64_t generation = 0;
};
struct silent {
  std::uint64_t generation = 0;
  std::uint64_t misses = 0;
};
struct exited {
  std::uint64_t generation = 0;
  protocol::cause why;  ///< as the system tells it
};
struct deadline_passed {
  std::uint64_t token = 0;
};
struct restart_asked {};
struct stop_asked {
  protocol::cause why;
};
/// Its sandbox closes.
struct close_asked {
  protocol::cause why;
};
}  // namespace browser_event

using browser_input = std::variant<browser_event::wanted, browser_event::process_started,
                                   browser_event::process_start_failed, browser_event::answered,
                                   browser_event::silent, browser_event::exited,
                                   browser_event::deadline_passed, browser_event::restart_asked,
                                   browser_event::stop_asked, browser_event::close_asked>;

namespace browser_effect {
struct start_process {
  std::uint64_t generation = 0;
};
/// Closes its pipe: it ends with its profile whole.
struct stop_process {};
struct kill_process {};
/// `deadline_passed` with this token is due; it replaces the one before.
struct set_deadline {
  std::int64_t after_ms = 0;
  std::uint64_t token = 0;
};
struct became_ready {};
/// The generation is over. `restarts`: another one follows.
struct gone {
  std::uint64_t generation = 0;
  protocol::cause why;
  bool restarts = false;
};
/// The policy gave up: it stays down until a restart is asked for.
struct exhausted {
  protocol::cause why;
};
struct closed {};
}  // namespace browser_effect

using browser_output = std::variant<browser_effect::start_process, browser_effect::stop_process,
                                    browser_effect::kill_process, browser_effect::set_deadline,
                                    browser_effect::became_ready, browser_effect::gone,
                                    browser_effect::exhausted, browser_effect::closed>;

class browser_machine {
 public:
  explicit browser_machine(const config::browser_options& rules) : rules_(rules) {}

  std::vector<browser_output> step(browser_input in, const moment& now);

  browser_phase phase() const { return phase_; }
  std::uint64_t generation() const { return generation_; }
  std::uint64_t restarts() const { return restarts_; }
  int pid() const { return pid_; }
  const protocol::cause& last_cause() const { return last_cause_; }

 private:
  void on(browser_event::wanted&);
  void on(browser_event::process_started& x);
  void on(browser_event::process_start_failed& x);
  void on(browser_event::answered& x);
  void on(browser_event::silent& x);
  void on(browser_event::exited& x);
  void on(browser_event::deadline_passed& x);
  void on(browser_event::restart_asked&);
  void on(browser_event::stop_asked& x);
  void on(browser_event::close_asked& x);

  bool lives() const;
  void begin();
  void end(protocol::cause why, bool gently);
  void went(protocol::cause seen);
  void arm(std::int64_t after_ms);
  void disarm() { ++token_; }
  template <class Effect>
  void out(Effect effect) {
    out_.emplace_back(std::move(effect));
  }

  const config::browser_options& rules_;
  std::vector<browser_output> out_;
  moment now_;
  browser_phase phase_ = browser_phase::stopped;
  restart_history history_;
  std::uint64_t generation_ = 0, restarts_ = 0, token_ = 0;
  int pid_ = 0;
  double ready_ms_ = 0;     ///< when it answered; 0: not yet
  protocol::cause ending_;  ///< why we end it; kind none: we do not
  protocol::cause last_cause_;
  bool again_ = false;   ///< start it again as soon as it has ended, whatever the policy says
  bool served_ = false;  ///< it was ready once since it was last stopped
  bool closing_ = false;
  bool stopping_ = false;  ///< it was asked to stop, and stays down
};

}  // namespace actors
