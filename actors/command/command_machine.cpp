#include "actors/command/command_machine.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include "protocol/event.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::buffer;
using protocol::cause;
using protocol::cause_kind;
using protocol::command_stream;
using protocol::error_code;
using protocol::execution_state;
using protocol::execution_status;

namespace {

constexpr std::int64_t kill_deadline_ms = 5'000;  // longer only in uninterruptible sleep
constexpr int shell_says_killed = 128 + SIGKILL;

buffer interrupt_data(std::string_view step, std::string_view reason) {
  return buffer("{\"step\":" + protocol::json_string(step) +
                ",\"reason\":" + protocol::json_string(reason) + "}");
}

const std::string& name_of(command_stream on) {
  static const std::array<std::string, 3> names{"stdout", "stderr", "pty"};
  return names[static_cast<std::size_t>(on)];
}

}  // namespace

command_machine::command_machine(const protocol::execution_request& request, command_rules rules)
    : rules_(std::move(rules)),
      timeout_ms_(request.timeout_ms),
      terminal_(request.command.terminal),
      input_(request.command.input),
      takes_input_(request.command.keeps_input || terminal_),
      input_bytes_(input_.size()),
      output_(rules_.limit.output_bytes) {
  record_.id = request.id;
  record_.sandbox_id = request.sandbox_id;
  record_.labels = request.labels;
  record_.turn_id = request.turn_id;
  record_.idempotency_key = request.idempotency_key;
  record_.body_hash = request.body_hash;
}

std::vector<command_output> command_machine::step(command_input in, moment now) {
  now_ = now;
  out_.clear();
  std::visit([this](auto& event) { on(event); }, in);
  return std::move(out_);
}

void command_machine::on(command_event::start&) {
  record_.state = execution_state::running;
  record_.generation = 1;
  record_.queued_at = record_.started_at = now_.wall;
  began_ms_ = now_.steady_ms;
  out(command_effect::start_process{});
  if (!input_.empty()) out(command_effect::write_input{std::move(input_), !takes_input_});
  arm(command_deadline::time, timeout_ms_);
}

// -- while it runs -------------------------------------------------------------------------------

void command_machine::on(command_event::printed& e) {
  if (!ended()) take_text(e.on, text_[static_cast<std::size_t>(e.on)].add(e.bytes.view()));
}

void command_machine::take_text(command_stream on, std::string_view text) {
  auto passed = output_.add_text(name_of(on), text);
  for (auto& item : passed.items) emit(item.type, std::move(item.content));
  auto& path = record_.truncated.path;
  if (!passed.spill.empty() && path.empty()) path = "output/" + record_.id + ".log";
  for (auto& bytes : passed.spill) out(command_effect::spill{path, std::move(bytes)});
  if (output_.spilled_bytes() > rules_.spill_bytes)
    ask_to_end(stop_reason::output_limit, "output_limit");
}

void command_machine::on(command_event::spill_refused& e) {
  ask_to_end(stop_reason::output_limit, "output_limit: " + e.why);
}

void command_machine::on(command_event::took_input& e) {
  input_bytes_ -= std::min(input_bytes_, e.bytes);
}

void command_machine::on(command_event::input_given& e) {
  if (ended() || !takes_input_)
    return refuse(error_code::wrong_state, "the command takes no input");
  if (input_bytes_ + e.text.size() > input_bytes_max) {
    auto limit = std::to_string(input_bytes_max), used = std::to_string(input_bytes_);
    out(command_effect::refuse{{.code = error_code::queue_full,
                                .detail = used + " bytes of input wait for the command",
                                .members = "{\"queued\":" + used + ",\"limit\":" + limit + "}",
                                .retry_after_s = 1}});
    return;
  }
  input_bytes_ += e.text.size();
  if (e.last && !terminal_) takes_input_ = false;
  out(command_effect::write_input{std::move(e.text), e.last});
}

void command_machine::on(command_event::resized& e) {
  if (ended() || !terminal_) return refuse(error_code::wrong_state, "the command has no terminal");
  out(command_effect::resize{e.rows, e.columns});
}

// -- the ways to its end -------------------------------------------------------------------------

void command_machine::on(command_event::cancel&) {
  if (ended() || stop_ == stop_reason::cancelled || stop_ == stop_reason::stopped) return;
  stop_ = stop_reason::cancelled;
  kill("cancel");
}

void command_machine::on(command_event::stop& e) {
  if (ended() || stop_ == stop_reason::stopped) return;
  stop_ = stop_reason::stopped;
  stopped_ = std::move(e);
  kill(name_of(stopped_.why.kind));
}

/// What stopped it before stays why; it has no more grace, though.
void command_machine::on(command_event::limit_exceeded& e) {
  auto killed = armed_[static_cast<std::size_t>(command_deadline::kill)] != 0;
  if (ended() || killed) return;
  auto word = name_of(e.why.kind);
  if (stop_ == stop_reason::none) {
    stop_ = stop_reason::stopped;
    stopped_ = {e.status, std::move(e.why)};
  }
  kill(word);
}

void command_machine::ask_to_end(stop_reason reason, std::string_view word) {
  if (ended() || stop_ != stop_reason::none) return;
  stop_ = reason;
  emit("interrupt", interrupt_data("interrupt", word));
  out(command_effect::terminate_process{});
  arm(command_deadline::grace, rules_.kill_grace_ms);
}

void command_machine::kill(std::string_view word) {
  for (auto& token : armed_) token = 0;
  emit("interrupt", interrupt_data("kill", word));
  out(command_effect::kill_process{});
  arm(command_deadline::kill, kill_deadline_ms);
}

void command_machine::on(command_event::deadline_passed& e) {
  if (ended() || armed_[static_cast<std::size_t>(e.which)] != e.token) return;
  switch (e.which) {
    case command_deadline::time: return ask_to_end(stop_reason::timeout, "timeout");
    case command_deadline::grace: return kill(name_of(cause_of_stop().kind));
    case command_deadline::kill: {
      command_event::exited given_up{.signal = SIGKILL};
      return conclude(given_up);
    }
  }
}

void command_machine::on(command_event::start_failed& e) {
  if (ended()) return;
  if (stop_ != stop_reason::none) return conclude({});
  finish(execution_status::kernel_died,
         {.kind = cause_kind::start_failed, .detail = std::move(e.why)});
}

void command_machine::on(command_event::exited& e) {
  if (!ended()) conclude(e);
}

void command_machine::conclude(const command_event::exited& how) {
  record_.exit_code = how.exit_code;
  record_.signal = how.signal;
  record_.used = how.used;
  switch (stop_) {
    case stop_reason::none: break;
    case stop_reason::timeout: return finish(execution_status::timeout, cause_of_stop());
    case stop_reason::cancelled: return finish(execution_status::cancelled, cause_of_stop());
    case stop_reason::output_limit: return finish(execution_status::output_limit, cause_of_stop());
    case stop_reason::stopped: return finish(stopped_.status, stopped_.why);
  }
  auto killed = how.signal == SIGKILL || how.exit_code == shell_says_killed;
  if (how.memory_bytes > 0 && killed)
    return finish(execution_status::memory_limit,
                  {.kind = cause_kind::memory_limit,
                   .signal = how.signal,
                   .exit_code = how.exit_code,
                   .limit = "memory_bytes=" + std::to_string(rules_.limit.memory_bytes),
                   .detail = "the sandbox used " + std::to_string(how.memory_bytes) + " of " +
                             std::to_string(rules_.limit.memory_bytes) +
                             " bytes of memory; the system killed the command"});
  finish(how.exit_code == 0 ? execution_status::ok : execution_status::error, {});
}

cause command_machine::cause_of_stop() const {
  switch (stop_) {
    case stop_reason::none: break;
    case stop_reason::stopped: return stopped_.why;
    case stop_reason::timeout: {
      std::string seconds;
      protocol::append_json(seconds, static_cast<double>(timeout_ms_) / 1e3);
      return {.kind = cause_kind::time_limit,
              .limit = "timeout_s=" + seconds,
              .detail = "ran longer than " + seconds + " s"};
    }
    case stop_reason::cancelled:
      return {.kind = cause_kind::cancelled, .detail = "cancelled by a client"};
    case stop_reason::output_limit:
      return {.kind = cause_kind::output_limit,
              .limit = "spill_bytes=" + std::to_string(rules_.spill_bytes),
              .detail = "printed more than can be kept"};
  }
  return {};
}

void command_machine::finish(execution_status status, cause why) {
  if (stop_ == stop_reason::none) stop_ = stop_reason::stopped;  // its last words start nothing
  for (auto on : {command_stream::out, command_stream::err, command_stream::terminal})
    take_text(on, text_[static_cast<std::size_t>(on)].finish());
  auto rest = output_.finish();
  if (rest.cut) {
    record_.truncated.bytes_total = rest.bytes_total;
    record_.truncated.bytes_kept = rest.bytes_kept;
    emit("truncated", buffer(protocol::truncated_data(record_.truncated)));
  }
  for (auto& item : rest.items) emit(item.type, std::move(item.content));
  record_.used.output_bytes = rest.bytes_total;
  record_.state = execution_state::ended;
  record_.status = status;
  record_.why = std::move(why);
  record_.ended_at = now_.wall;
  record_.duration_ms = now_.steady_ms - began_ms_;
  record_.last_event = next_n_++;
  out(command_effect::finish{record_});
}

void command_machine::emit(std::string_view type, buffer data) {
  record_.last_event = next_n_;
  out(command_effect::emit{next_n_++, std::string(type), std::move(data)});
}

void command_machine::refuse(error_code code, std::string detail) {
  out(command_effect::refuse{{.code = code, .detail = std::move(detail)}});
}

void command_machine::arm(command_deadline which, std::int64_t after_ms) {
  armed_[static_cast<std::size_t>(which)] = ++last_token_;
  out(command_effect::set_deadline{which, last_token_, after_ms});
}

}  // namespace actors
