#include "actors/browser/browser_machine.hpp"

#include <utility>

namespace actors {

using protocol::cause;
using protocol::cause_kind;

std::vector<browser_output> browser_machine::step(browser_input in, const moment& now) {
  now_ = now;
  std::visit([this](auto& x) { on(x); }, in);
  return std::exchange(out_, {});
}

bool browser_machine::lives() const {
  return phase_ == browser_phase::starting || phase_ == browser_phase::up ||
         phase_ == browser_phase::ending;
}

void browser_machine::arm(std::int64_t after_ms) {
  out(browser_effect::set_deadline{after_ms, ++token_});
}

// -- what is asked -------------------------------------------------------------------------------

void browser_machine::on(browser_event::wanted&) {
  if (phase_ == browser_phase::stopped && !closing_) return begin();
  if (phase_ == browser_phase::ending && stopping_ && !closing_) again_ = true;
}

void browser_machine::on(browser_event::restart_asked&) {
  if (closing_) return;
  if (!lives()) return begin();
  again_ = true;
  if (phase_ != browser_phase::ending)
    end({.kind = cause_kind::restart, .detail = "a client restarted the browser"}, true);
}

void browser_machine::on(browser_event::stop_asked& x) {
  again_ = false;
  stopping_ = true;
  if (lives()) {
    if (phase_ != browser_phase::ending) end(std::move(x.why), true);
    return;
  }
  disarm();
  if (phase_ == browser_phase::waiting) phase_ = browser_phase::stopped;
}

void browser_machine::on(browser_event::close_asked& x) {
  closing_ = true;
  again_ = false;
  if (lives()) {
    if (phase_ != browser_phase::ending) end(std::move(x.why), true);
    return;
  }
  phase_ = browser_phase::over;
  disarm();
  out(browser_effect::closed{});
}

// -- its process ---------------------------------------------------------------------------------

void browser_machine::begin() {
  phase_ = browser_phase::starting;
  ++generation_;
  ready_ms_ = 0;
  ending_ = {};
  again_ = stopping_ = false;
  out(browser_effect::start_process{generation_});
  arm(rules_.start_timeout_ms);
}

void browser_machine::on(browser_event::process_started& x) {
  if (x.generation == generation_ && lives()) pid_ = x.pid;
}

void browser_machine::on(browser_event::answered& x) {
  if (x.generation != generation_ || phase_ != browser_phase::starting) return;
  phase_ = browser_phase::up;
  ready_ms_ = now_.steady_ms;
  served_ = true;
  disarm();
  out(browser_effect::became_ready{});
}

void browser_machine::on(browser_event::silent& x) {
  if (x.generation != generation_ || phase_ != browser_phase::up || x.misses < rules_.ping_misses)
    return;
  end({.kind = cause_kind::heartbeat,
       .limit = "ping_misses=" + std::to_string(rules_.ping_misses),
       .detail = "the browser left pings unanswered"},
      false);
}

/// Gently, it has a while; then it is killed.
void browser_machine::end(cause why, bool gently) {
  phase_ = browser_phase::ending;
  ending_ = std::move(why);
  if (gently) {
    out(browser_effect::stop_process{});
    arm(rules_.restart.stop_grace_ms);
  } else {
    out(browser_effect::kill_process{});
    disarm();
  }
}

void browser_machine::on(browser_event::deadline_passed& x) {
  if (x.token != token_) return;
  if (phase_ == browser_phase::waiting) return begin();
  if (phase_ == browser_phase::ending) return out(browser_effect::kill_process{});
  if (phase_ == browser_phase::starting)
    end({.kind = cause_kind::start_timeout,
         .limit = "start_timeout_ms=" + std::to_string(rules_.start_timeout_ms),
         .detail = "the browser did not answer"},
        false);
}

void browser_machine::on(browser_event::process_start_failed& x) {
  if (x.generation != generation_ || !lives()) return;
  went({.kind = cause_kind::start_failed, .detail = std::move(x.why)});
}

void browser_machine::on(browser_event::exited& x) {
  if (x.generation != generation_ || !lives()) return;
  went(std::move(x.why));
}

void browser_machine::went(cause seen) {
  auto up_ms = ready_ms_ > 0 ? now_.steady_ms - ready_ms_ : 0;
  last_cause_ = ending_.kind == cause_kind::none ? std::move(seen) : std::exchange(ending_, {});
  pid_ = 0;
  disarm();
  // Whoever wanted it hears why it cannot be had, and may try again.
  auto first_failed = last_cause_.kind == cause_kind::start_failed && !served_;
  auto rests = closing_ || ((stopping_ || first_failed) && !again_);
  restart_decision next = give_up{};
  if (again_ && !closing_)
    next = restart_after{0};
  else if (!rests)
    next = decide(rules_.restart, history_, true, static_cast<std::int64_t>(up_ms),
                  static_cast<std::int64_t>(now_.steady_ms), now_.random);
  auto* restart = std::get_if<restart_after>(&next);
  out(browser_effect::gone{generation_, last_cause_, restart != nullptr});
  if (closing_) {
    phase_ = browser_phase::over;
    return out(browser_effect::closed{});
  }
  if (rests) {
    phase_ = browser_phase::stopped;
    served_ = false;
    return;
  }
  if (!restart) {
    phase_ = browser_phase::failed;
    last_cause_.detail =
        "died too often; last: " + to_string(last_cause_.kind) + " " + last_cause_.detail;
    last_cause_.kind = cause_kind::restarts_exhausted;
    last_cause_.limit = "max_restarts=" + std::to_string(rules_.restart.max_restarts);
    return out(browser_effect::exhausted{last_cause_});
  }
  ++restarts_;
  if (restart->wait_ms == 0) return begin();
  phase_ = browser_phase::waiting;
  arm(restart->wait_ms);
}

}  // namespace actors
