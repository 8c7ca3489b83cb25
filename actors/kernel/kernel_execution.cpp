// The running execution: what is sent for it, what its messages mean, how it ends.
#include <algorithm>

#include "actors/kernel/kernel_machine.hpp"
#include "protocol/event.hpp"
#include "protocol/json.hpp"
#include "protocol/jupyter/content.hpp"
#include "protocol/text.hpp"

namespace actors {

using protocol::buffer;
using protocol::cause;
using protocol::cause_kind;
using protocol::error_code;
using protocol::execution_state;
using protocol::execution_status;
using protocol::jupyter::channel;

namespace {

constexpr std::int64_t interrupted_settle_ms = 100;
// What is printed between executions: so much of it is told, and each piece counts as so much.
constexpr std::size_t late_bytes_max = 64 << 10;
constexpr std::size_t late_bytes_least = 256;

bool is_output(std::string_view type) {
  constexpr std::string_view types[] = {"stream",         "display_data", "update_display_data",
                                        "execute_result", "clear_output", "error"};
  return std::find(std::begin(types), std::end(types), type) != std::end(types);
}

buffer interrupt_data(std::string_view step, std::string_view reason) {
  return buffer("{\"step\":" + protocol::json_string(step) +
                ",\"reason\":" + protocol::json_string(reason) + "}");
}

std::string spill_path(const std::string& execution_id) {
  return "output/" + execution_id + ".log";
}

}  // namespace

void kernel_machine::on(kernel_event::execute& e) {
  if (phase_ == phase::failed)
    return refuse(error_code::wrong_state,
                  "the kernel is failed: " + last_cause_.detail + "; restart it");
  if (stop_asked_ || phase_ == phase::stopped)
    return refuse(error_code::draining, "the kernel is being stopped");
  if (queue_.size() >= rules_.kernel.queue_max) {
    auto n = std::to_string(queue_.size());
    out(kernel_effect::refuse{{.code = error_code::queue_full,
                               .detail = n + " executions wait for kernel " + kernel_id_,
                               .members = "{\"queued\":" + n + ",\"limit\":" + n + "}",
                               .retry_after_s = 1}});
    return;
  }
  execution x{
      .request = std::move(e.request), .record = {}, .output = output_bound(rules_.output_bytes)};
  auto& r = x.record;
  r.id = x.request.id;
  r.sandbox_id = sandbox_id_;
  r.kernel_id = kernel_id_;
  r.queued_at = now_.wall;
  r.labels = x.request.labels;
  r.turn_id = x.request.turn_id;
  r.idempotency_key = x.request.idempotency_key;
  r.body_hash = x.request.body_hash;
  x.for_next = phase_ == phase::dying;
  out(kernel_effect::accept{std::make_shared<protocol::execution_record>(r)});
  last_activity_ = now_.wall;
  queue_.push_back(std::move(x));
  if (phase_ == phase::ready && !running_) return dispatch_next();
  out(kernel_effect::publish{});
}

void kernel_machine::dispatch_next() {
  // A kernel that was asked to stop gets nothing more; what waits ends when it is gone.
  if (running_ || queue_.empty() || phase_ != phase::ready || restart_asked_ || stop_asked_) return;
  running_ = std::move(queue_.front());
  queue_.pop_front();
  auto& e = *running_;
  e.record.state = execution_state::running;
  e.record.generation = generation_;
  e.record.started_at = now_.wall;
  e.began_ms = now_.steady_ms;
  late_bytes_left_ = late_bytes_max;
  out(kernel_effect::send{channel::shell, e.record.id, "execute_request",
                          protocol::jupyter::execute_content(e.request)});
  arm(kernel_deadline::time, e.request.timeout_ms);
  out(kernel_effect::begin{std::make_shared<protocol::execution_record>(e.record)});
  out(kernel_effect::publish{});
}

void kernel_machine::on(kernel_event::message& e) {
  if (stale(e.generation)) return;
  if (!running_ || e.m.parent_msg_id != running_->record.id) return late_output(e.m);
  running_->heard_ms = now_.steady_ms;
  switch (e.m.on) {
    case channel::iopub: return on_iopub(e.m);
    case channel::shell: return on_reply(e.m);
    case channel::input:
      if (e.m.msg_type != "input_request") return;
      if (auto content = protocol::one_line_json(e.m.content); !content.empty()) {
        running_->asks_input = true;
        emit(*running_, "input_request", std::move(content));
      }
      return;
    case channel::control: return;
  }
}

void kernel_machine::on_iopub(protocol::jupyter::message& m) {
  auto& e = *running_;
  if (is_output(m.msg_type)) return take_output(m);
  if (m.msg_type != "status" && m.msg_type != "execute_input") return;
  auto content = protocol::one_line_json(m.content);
  if (content.empty()) return;
  if (m.msg_type == "execute_input")
    e.record.execution_count = protocol::jupyter::read_execution_count(content.view());
  auto state = m.msg_type == "status" ? protocol::jupyter::read_status(content.view()) : "";
  emit(e, m.msg_type, std::move(content));
  if (state == "busy" && !e.busy_seen) {
    e.busy_seen = true;
    if (e.signal_due) out(kernel_effect::interrupt_process{});
  }
  if (state == "idle") {
    e.idle_seen = true;
    settle();
  }
}

void kernel_machine::take_output(protocol::jupyter::message& m) {
  auto& e = *running_;
  if (m.msg_type == "error") e.error_seen = true;
  auto passed = e.output.add({m.msg_type, std::move(m.content)});
  for (auto& item : passed.items) emit(e, item.type, std::move(item.content));
  if (!passed.spill.empty() && e.record.truncated.path.empty())
    e.record.truncated.path = spill_path(e.record.id);
  for (auto& bytes : passed.spill)
    out(kernel_effect::spill{e.record.id, e.record.truncated.path, std::move(bytes)});
  if (e.output.spilled_bytes() > rules_.spill_bytes &&
      (e.stop == stop_reason::none || e.stop == stop_reason::asked))
    stop_running(stop_reason::output_limit, "output_limit");
}

/// A thread or a child of code that has ended prints on. Its execution's events are closed, so the
/// node tells it.
void kernel_machine::late_output(const protocol::jupyter::message& m) {
  if (m.msg_type != "stream" || !m.parent_msg_id.starts_with("exe_") || late_bytes_left_ == 0)
    return;
  auto said = protocol::jupyter::read_stream(m.content.view());
  if (!said || said->text.empty()) return;
  auto all = said->text.size() <= late_bytes_left_;
  said->text.resize(protocol::utf8_cut(said->text, late_bytes_left_));
  late_bytes_left_ -= std::min(late_bytes_left_, std::max(said->text.size(), late_bytes_least));
  out(kernel_effect::announce{
      "kernel_output", "\"execution_id\":" + protocol::json_string(m.parent_msg_id) +
                           ",\"generation\":" + std::to_string(generation_) +
                           ",\"name\":" + protocol::json_string(said->name) +
                           ",\"text\":" + protocol::json_string(said->text) +
                           ",\"truncated\":" + (all && late_bytes_left_ > 0 ? "false" : "true")});
}

void kernel_machine::on(kernel_event::spill_refused& e) {
  if (!running_ || running_->record.id != e.execution_id) return;
  if (running_->stop == stop_reason::none || running_->stop == stop_reason::asked)
    stop_running(stop_reason::output_limit, "output_limit: " + e.why);
}

void kernel_machine::on_reply(const protocol::jupyter::message& m) {
  if (m.msg_type != "execute_reply") return;
  auto& e = *running_;
  auto reply = protocol::jupyter::read_execute_reply(m.content.view());
  if (!reply) return;
  e.reply_seen = true;
  e.reply_status = reply->status;
  e.ename = reply->ename;
  e.record.user_expressions = reply->user_expressions;
  if (reply->execution_count > 0) e.record.execution_count = reply->execution_count;
  settle();
}

void kernel_machine::settle() {
  auto& e = *running_;
  if (e.reply_seen && e.idle_seen) return complete();
  // A signal that hits ipykernel just before the code does is caught there, and no reply follows.
  auto no_reply = e.idle_seen && e.stop != stop_reason::none;
  e.settle_ms = rules_.kernel.settle_ms;
  if (no_reply) e.settle_ms = std::min(e.settle_ms, interrupted_settle_ms);
  arm(kernel_deadline::settle, e.settle_ms);
}

/// Output may be a long way behind the reply: as long as some comes, idle is on its way too.
void kernel_machine::settle_passed() {
  if (!running_) return;
  auto left_ms = static_cast<double>(running_->settle_ms) - (now_.steady_ms - running_->heard_ms);
  if (left_ms <= 0) return complete();
  arm(kernel_deadline::settle, static_cast<std::int64_t>(left_ms) + 1);
}

void kernel_machine::complete() {
  disarm(kernel_deadline::time);
  disarm(kernel_deadline::interrupt);
  disarm(kernel_deadline::settle);
  auto e = std::move(*running_);
  running_.reset();
  last_activity_ = now_.wall;
  auto why = cause_of(e.stop, e);
  auto status = execution_status::ok;
  if (e.stop == stop_reason::timeout)
    status = execution_status::timeout;
  else if (e.stop == stop_reason::cancelled)
    status = execution_status::cancelled;
  else if (e.stop == stop_reason::output_limit)
    status = execution_status::output_limit;
  else if (e.stop == stop_reason::quota)
    status = execution_status::interrupted;
  else if (!e.reply_seen && e.stop == stop_reason::asked)
    status = execution_status::interrupted;
  else if (!e.reply_seen) {
    status = execution_status::error;
    why = {.kind = cause_kind::protocol_error, .detail = "idle came without an execute_reply"};
  } else if (e.reply_status != "ok") {
    auto interrupted = e.stop == stop_reason::asked && e.ename == "KeyboardInterrupt";
    status = interrupted ? execution_status::interrupted : execution_status::error;
    if (!interrupted) why = {};
  } else {
    why = {};
  }
  finish(e, status, std::move(why), true);
  dispatch_next();
  if (!running_) out(kernel_effect::publish{});
}

cause kernel_machine::cause_of(stop_reason reason, const execution& e) const {
  auto seconds = std::to_string(static_cast<double>(e.request.timeout_ms) / 1000.0);
  seconds.erase(seconds.find_last_not_of('0') + 1);
  if (seconds.back() == '.') seconds.pop_back();
  switch (reason) {
    case stop_reason::none: return {};
    case stop_reason::asked:
      return {.kind = cause_kind::interrupt, .detail = "interrupted by a client"};
    case stop_reason::timeout:
      return {.kind = cause_kind::time_limit,
              .limit = "timeout_s=" + seconds,
              .detail = "ran longer than " + seconds + " s"};
    case stop_reason::cancelled:
      return {.kind = cause_kind::cancelled, .detail = "cancelled by a client"};
    case stop_reason::output_limit:
      return {.kind = cause_kind::output_limit,
              .limit = "spill_bytes=" + std::to_string(rules_.spill_bytes),
              .detail = "printed more than can be kept"};
    case stop_reason::quota: return e.quota;
  }
  return {};
}

void kernel_machine::emit(execution& e, std::string_view type, buffer data) {
  e.record.last_event = e.next_n;
  out(kernel_effect::emit{e.record.id, e.next_n++, e.record.generation, std::string(type),
                          std::move(data)});
}

void kernel_machine::finish(execution& e, execution_status status, cause why, bool preserved) {
  auto rest = e.output.finish();
  if (rest.cut) {
    e.record.truncated.bytes_total = rest.bytes_total;
    e.record.truncated.bytes_kept = rest.bytes_kept;
    emit(e, "truncated", buffer(protocol::truncated_data(e.record.truncated)));
  }
  for (auto& item : rest.items) emit(e, item.type, std::move(item.content));
  auto& r = e.record;
  r.used.output_bytes = rest.bytes_total;
  r.state = execution_state::ended;
  r.status = status;
  r.why = std::move(why);
  r.state_preserved = preserved;
  r.ended_at = now_.wall;
  if (r.started_at > 0) r.duration_ms = now_.steady_ms - e.began_ms;
  r.last_event = e.next_n++;
  out(kernel_effect::finish{std::make_shared<protocol::execution_record>(r)});
}

void kernel_machine::stop_running(stop_reason reason, std::string_view word) {
  if (!running_) return;
  auto& e = *running_;
  e.stop = reason;
  disarm(kernel_deadline::time);
  emit(e, "interrupt", interrupt_data("interrupt", word));
  if (e.busy_seen)
    out(kernel_effect::interrupt_process{});
  else
    e.signal_due = true;  // an idle kernel ignores the signal
  arm(kernel_deadline::interrupt, rules_.kernel.interrupt_grace_ms);
}

void kernel_machine::on(kernel_event::limit_exceeded& e) {
  if (stale(e.generation)) return;  // what exceeded it has ended since
  if (phase_ != phase::starting && phase_ != phase::ready) return;
  if (e.kill) {
    if (running_) emit(*running_, "interrupt", interrupt_data("kill", name_of(e.why.kind)));
    return kill(std::move(e.why));
  }
  if (!running_ || (running_->stop != stop_reason::none && running_->stop != stop_reason::asked))
    return;
  auto word = name_of(e.why.kind);
  running_->quota = std::move(e.why);
  stop_running(stop_reason::quota, word);
}

void kernel_machine::kill_running() {
  if (!running_) return;
  auto& e = *running_;
  e.killed = true;
  auto why = cause_of(e.stop, e);
  emit(e, "interrupt", interrupt_data("kill", name_of(why.kind)));
  kill(std::move(why));
}

void kernel_machine::on(kernel_event::cancel& e) {
  if (running_ && running_->record.id == e.execution_id) {
    auto stop = running_->stop;
    if (stop == stop_reason::none || stop == stop_reason::asked)
      stop_running(stop_reason::cancelled, "cancel");
    return;
  }
  auto it = std::find_if(queue_.begin(), queue_.end(),
                         [&](auto& x) { return x.record.id == e.execution_id; });
  if (it == queue_.end())
    return refuse(error_code::execution_not_found, "no execution " + e.execution_id + " here");
  auto x = std::move(*it);
  queue_.erase(it);
  finish(x, execution_status::cancelled, cause_of(stop_reason::cancelled, x), true);
  out(kernel_effect::publish{});
}

void kernel_machine::on(kernel_event::stdin_given& e) {
  if (!running_ || running_->record.id != e.execution_id || !running_->asks_input)
    return refuse(error_code::wrong_state, "the execution does not ask for input");
  running_->asks_input = false;
  out(kernel_effect::send{
      channel::input, "stdin-" + std::to_string(generation_) + "-" + std::to_string(++last_token_),
      "input_reply", protocol::jupyter::input_reply_content(e.value)});
}

void kernel_machine::on(kernel_event::interrupt& e) {
  if (phase_ != phase::ready) return refuse(error_code::wrong_state, "the kernel is not ready");
  if (!running_) return out(kernel_effect::interrupt_process{});
  auto& x = *running_;
  if (x.stop == stop_reason::none) x.stop = stop_reason::asked;
  emit(x, "interrupt", interrupt_data("interrupt", e.reason));
  if (x.busy_seen)
    out(kernel_effect::interrupt_process{});
  else
    x.signal_due = true;
}

}  // namespace actors
