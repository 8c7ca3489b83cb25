// The life of the process; kernel_execution.cpp holds the other half, the running execution.
#include "actors/kernel/kernel_machine.hpp"

#include <algorithm>

namespace actors {

using protocol::cause;
using protocol::cause_kind;
using protocol::error_code;
using protocol::execution_status;

namespace {

constexpr std::int64_t kill_deadline_ms = 5'000;  // longer only in uninterruptible sleep

cause make_cause(cause_kind kind, std::string detail, std::string limit = {}) {
  return {.kind = kind, .limit = std::move(limit), .detail = std::move(detail)};
}

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

}  // namespace

kernel_machine::kernel_machine(std::string sandbox_id, std::string kernel_id, kernel_rules rules)
    : sandbox_id_(std::move(sandbox_id)),
      kernel_id_(std::move(kernel_id)),
      rules_(std::move(rules)) {}

std::vector<kernel_output> kernel_machine::step(kernel_input in, moment now) {
  now_ = now;
  out_.clear();
  std::visit([this](auto& event) { on(event); }, in);
  return std::move(out_);
}

protocol::kernel_view kernel_machine::view() const {
  using protocol::kernel_state;
  auto state = kernel_state::starting;
  switch (phase_) {
    case phase::unborn: break;
    case phase::starting:
      state = down_ms_ > 0 ? kernel_state::restarting : kernel_state::starting;
      break;
    case phase::ready: state = running_ ? kernel_state::busy : kernel_state::idle; break;
    case phase::dying:
    case phase::waiting: state = kernel_state::restarting; break;
    case phase::failed:
    case phase::stopped: state = kernel_state::failed; break;
  }
  return {.id = kernel_id_,
          .sandbox_id = sandbox_id_,
          .state = state,
          .generation = generation_,
          .restarts = restarts_,
          .pid = pid_,
          .queue = queue_.size(),
          .last_cause = last_cause_,
          .started_at = started_at_,
          .last_activity = last_activity_,
          .connection_file = connection_file_,
          .running = running_ ? running_->record.id : std::string()};
}

const protocol::execution_record* kernel_machine::find(std::string_view execution_id) const {
  if (running_ && running_->record.id == execution_id) return &running_->record;
  for (auto& e : queue_)
    if (e.record.id == execution_id) return &e.record;
  return nullptr;
}

void kernel_machine::refuse(error_code code, std::string detail) {
  out(kernel_effect::refuse{{.code = code, .detail = std::move(detail)}});
}

void kernel_machine::arm(kernel_deadline which, std::int64_t after_ms) {
  armed_[static_cast<std::size_t>(which)] = ++last_token_;
  out(kernel_effect::set_deadline{which, last_token_, after_ms});
}

// -- birth ---------------------------------------------------------------------------------------

void kernel_machine::on(kernel_event::start& e) {
  generation_ = e.generation - 1;
  begin_generation();
}

void kernel_machine::begin_generation() {
  ++generation_;
  phase_ = phase::starting;
  pid_ = 0;
  connection_file_.clear();
  started_ms_ = now_.steady_ms;
  ready_ms_ = 0;
  started_at_ = now_.wall;
  pending_cause_ = {};
  out(kernel_effect::start_process{generation_});
  arm(kernel_deadline::start, rules_.kernel.start_timeout_ms);
  out(kernel_effect::publish{});
}

void kernel_machine::on(kernel_event::process_started& e) {
  if (stale(e.generation) || phase_ != phase::starting) return;
  pid_ = e.pid;
  connection_file_ = std::move(e.connection_file);
  out(kernel_effect::publish{});
}

void kernel_machine::on(kernel_event::process_start_failed& e) {
  if (stale(e.generation) || phase_ != phase::starting) return;
  last_cause_ = make_cause(cause_kind::start_failed, std::move(e.why));
  phase_ = phase::dying;
  went_down();
}

void kernel_machine::on(kernel_event::answered& e) {
  if (stale(e.generation) || phase_ != phase::starting) return;
  disarm(kernel_deadline::start);
  phase_ = phase::ready;
  ready_ms_ = now_.steady_ms;
  last_activity_ = now_.wall;
  auto start_ms = number(static_cast<std::uint64_t>(now_.steady_ms - started_ms_));
  out(kernel_effect::announce{
      "kernel_started", "\"generation\":" + number(generation_) + ",\"start_ms\":" + start_ms});
  if (down_ms_ > 0) {
    auto down = number(static_cast<std::uint64_t>(now_.steady_ms - down_ms_));
    out(kernel_effect::announce{"kernel_ready",
                                "\"generation\":" + number(generation_) + ",\"down_ms\":" + down});
  }
  out(kernel_effect::recovered{});
  if (restart_asked_) {
    restart_asked_ = false;
    out(kernel_effect::restart_over{});
  }
  out(kernel_effect::publish{});
  dispatch_next();
}

// -- death ---------------------------------------------------------------------------------------

void kernel_machine::on(kernel_event::heartbeat_lost& e) {
  if (stale(e.generation) || (phase_ != phase::starting && phase_ != phase::ready)) return;
  kill(make_cause(cause_kind::heartbeat,
                  number(e.misses) + " heartbeats in a row were not answered"));
}

void kernel_machine::kill(cause why) {
  if (pending_cause_.kind == cause_kind::none) pending_cause_ = std::move(why);
  out(kernel_effect::kill_process{});
  arm(kernel_deadline::kill, kill_deadline_ms);
}

void kernel_machine::on(kernel_event::process_exited& e) {
  if (stale(e.generation) || phase_ == phase::dying || phase_ == phase::waiting) return;
  last_cause_ = pending_cause_.kind == cause_kind::none ? std::move(e.why) : pending_cause_;
  phase_ = phase::dying;
  pid_ = 0;
  for (auto& token : armed_) token = 0;
  out(kernel_effect::drain_link{});
  arm(kernel_deadline::kill, kill_deadline_ms);
  out(kernel_effect::publish{});
}

void kernel_machine::on(kernel_event::drained& e) {
  if (stale(e.generation) || phase_ != phase::dying) return;
  went_down();
}

void kernel_machine::went_down() {
  for (auto& token : armed_) token = 0;
  pid_ = 0;
  connection_file_.clear();
  auto up_ms = ready_ms_ > 0 ? std::max(1.0, now_.steady_ms - ready_ms_) : 0.0;
  down_ms_ = now_.steady_ms;
  restart_decision next = give_up{};
  if (restart_asked_)
    next = restart_after{0};
  else if (!stop_asked_)
    next = decide(rules_.kernel.restart, history_, true, static_cast<std::int64_t>(up_ms),
                  static_cast<std::int64_t>(now_.steady_ms), now_.random);
  auto* again = std::get_if<restart_after>(&next);
  end_all(last_cause_, again && !stop_asked_);
  if (phase_ == phase::dying)
    out(kernel_effect::announce{"kernel_down", "\"generation\":" + number(generation_) +
                                                   ",\"cause\":" + to_json(last_cause_)});
  if (stop_asked_) {
    phase_ = phase::stopped;
    out(kernel_effect::publish{});
    out(kernel_effect::stopped{});
    return;
  }
  if (!again) {
    phase_ = phase::failed;
    last_cause_ = {.kind = cause_kind::restarts_exhausted,
                   .signal = last_cause_.signal,
                   .exit_code = last_cause_.exit_code,
                   .limit = "max_restarts=" + number(rules_.kernel.restart.max_restarts),
                   .detail = "died too often; last: " + to_string(last_cause_.kind) + " " +
                             last_cause_.detail};
    out(kernel_effect::exhausted{last_cause_});
    out(kernel_effect::publish{});
    return;
  }
  ++restarts_;
  if (again->wait_ms == 0) return begin_generation();
  phase_ = phase::waiting;
  arm(kernel_deadline::backoff, again->wait_ms);
  out(kernel_effect::publish{});
}

void kernel_machine::end_all(const cause& why, bool restarting) {
  std::deque<execution> ended;
  if (running_) ended.push_back(std::move(*running_));
  running_.reset();
  std::deque<execution> kept;
  for (auto& e : queue_) {
    auto stays = std::exchange(e.for_next, false) && restarting;
    (stays ? kept : ended).push_back(std::move(e));
  }
  queue_ = std::move(kept);
  for (auto& e : ended) {
    if (restarting)
      emit(e, "kernel_restarting",
           protocol::buffer("{\"cause\":" + to_json(why) +
                            ",\"generation\":" + number(generation_ + 1) + "}"));
    auto [status, told] = verdict_of_death(e, why);
    finish(e, status, std::move(told), false);
  }
}

std::pair<execution_status, cause> kernel_machine::verdict_of_death(const execution& e,
                                                                    const cause& why) const {
  if (e.killed) {
    auto own = cause_of(e.stop, e);
    if (e.stop == stop_reason::timeout) return {execution_status::timeout, own};
    if (e.stop == stop_reason::cancelled) return {execution_status::cancelled, own};
    if (e.stop == stop_reason::output_limit) return {execution_status::output_limit, own};
    if (e.stop == stop_reason::quota) return {execution_status::interrupted, own};
  }
  if (stop_asked_) return {stop_asked_->status, stop_asked_->why};
  if (restart_asked_)
    return {execution_status::cancelled,
            make_cause(cause_kind::restart, "the kernel was restarted by a client")};
  if (why.kind == cause_kind::memory_limit) return {execution_status::memory_limit, why};
  if (e.stop == stop_reason::quota && why.kind == cause_kind::disk_quota)
    return {execution_status::interrupted, why};  // the limiter did not wait for the deadline
  return {execution_status::kernel_died, why};
}

// -- restart and stop by request ------------------------------------------------------------------

void kernel_machine::on(kernel_event::restart&) {
  if (stop_asked_) return refuse(error_code::draining, "the kernel is being stopped");
  auto asked_before = std::exchange(restart_asked_, true);
  history_ = {};
  switch (phase_) {
    case phase::unborn:
    case phase::stopped: return;
    case phase::failed:
    case phase::waiting:
      disarm(kernel_deadline::backoff);
      ++restarts_;
      return begin_generation();
    case phase::dying: return;
    case phase::starting:
    case phase::ready:
      if (!asked_before) ask_to_stop(true);
  }
}

void kernel_machine::ask_to_stop(bool restart) {
  auto why = make_cause(restart ? cause_kind::restart : cause_kind::shutdown,
                        restart ? "restarted by a client" : "asked to stop");
  if (phase_ != phase::ready || running_) return kill(std::move(why));
  pending_cause_ = std::move(why);
  out(kernel_effect::send{protocol::jupyter::channel::control,
                          "stop-" + number(generation_) + "-" + number(++last_token_),
                          "shutdown_request",
                          std::string("{\"restart\":") + (restart ? "true}" : "false}")});
  arm(kernel_deadline::stop, rules_.kernel.restart.stop_grace_ms);
}

void kernel_machine::on(kernel_event::stop& e) {
  if (stop_asked_) return;
  stop_asked_ = std::move(e);
  switch (phase_) {
    case phase::unborn:
    case phase::failed:
    case phase::waiting:
      last_cause_ = stop_asked_->why;
      went_down();
      return;
    case phase::starting:
    case phase::ready: return ask_to_stop(false);
    case phase::dying:
    case phase::stopped: return;
  }
}

void kernel_machine::on(kernel_event::deadline_passed& e) {
  auto& token = armed_[static_cast<std::size_t>(e.which)];
  if (token != e.token) return;
  token = 0;
  auto& k = rules_.kernel;
  switch (e.which) {
    case kernel_deadline::start:
      return kill(make_cause(cause_kind::start_timeout, "did not answer kernel_info_request",
                             "start_timeout_ms=" + std::to_string(k.start_timeout_ms)));
    case kernel_deadline::time: return stop_running(stop_reason::timeout, "timeout");
    case kernel_deadline::interrupt: return kill_running();
    case kernel_deadline::settle: return settle_passed();
    case kernel_deadline::backoff: return begin_generation();
    case kernel_deadline::stop: return kill(pending_cause_);
    case kernel_deadline::kill:
      if (phase_ != phase::dying) {
        last_cause_ = pending_cause_;
        last_cause_.detail += "; the process did not go away after SIGKILL";
        phase_ = phase::dying;
      }
      return went_down();
  }
}

}  // namespace actors
