#include "actors/kernel/kernel.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>
#include <chrono>

#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "actors/kernel/kernel_sink.hpp"
#include "actors/leftover.hpp"
#include "protocol/event.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::buffer;
using protocol::cause;
using protocol::cause_kind;
using protocol::execution_record;

namespace {

/// Above this, the link is not told that its bytes were consumed until the disk has caught up.
constexpr std::uint64_t spilling_bytes_max = 64 << 20;
/// So much is told to the link at once, far below its bound: each telling wakes its thread.
constexpr std::uint64_t told_consumed_bytes = 1 << 20;
constexpr auto spill_timeout = std::chrono::seconds(30);
constexpr std::int64_t paused_look_ms = 100;

const protocol::fault* refusal(const std::vector<kernel_output>& effects) {
  for (auto& e : effects)
    if (auto* x = std::get_if<kernel_effect::refuse>(&e)) return &x->f;
  return nullptr;
}

/// The last line the process wrote to stderr, as in "Fatal Python error: Segmentation fault".
std::string last_words(std::string_view tail) {
  auto end = tail.find_last_not_of(" \r\n");
  if (end == std::string_view::npos) return {};
  tail = tail.substr(0, end + 1);
  auto begin = tail.find_last_of('\n');
  return "; its last words: " + std::string(tail.substr(begin == tail.npos ? 0 : begin + 1));
}

cause cause_of_exit(const protocol::process_exited& x, const protocol::limits& limit) {
  if (x.memory_bytes > 0)
    return {.kind = cause_kind::memory_limit,
            .signal = x.signal,
            .limit = "memory_bytes=" + std::to_string(limit.memory_bytes),
            .detail = "the sandbox used " + std::to_string(x.memory_bytes) + " of " +
                      std::to_string(limit.memory_bytes) +
                      " bytes of memory; the system killed the kernel process"};
  auto by_signal = x.signal != 0;
  auto how = by_signal ? "was ended by " + protocol::signal_name(x.signal)
                       : "ended with exit code " + std::to_string(x.exit_code);
  return {.kind = by_signal ? cause_kind::signal : cause_kind::exit,
          .signal = x.signal,
          .exit_code = by_signal ? -1 : x.exit_code,
          .detail = "the kernel process " + how + last_words(x.stderr_tail)};
}

}  // namespace

kernel_actor::behavior_type kernel(kernel_actor::stateful_pointer<kernel_state_impl> self,
                                   const env* e, kernel_args args) {
  return self->state.make_behavior(*e, std::move(args));
}

void kernel_state_impl::prepare(const env& e, kernel_args args) {
  env_ = &e;
  args_ = std::move(args);
  machine_ = std::make_unique<kernel_machine>(
      args_.sandbox_id, args_.kernel_id,
      kernel_rules{e.settings.kernel, args_.limit.output_bytes, e.settings.limits.spill_bytes});
  port_ = e.make_kernel_port(std::make_shared<mailbox_sink>(kernel_actor(self_)));
  self_->set_down_handler([this](const caf::down_msg& dm) {
    for (auto& [id, log] : logs_)
      for (auto* all : {&log.followers, &log.waiting})
        std::erase_if(*all, [&](auto& f) { return f.address() == dm.source; });
  });
  auto timeout = std::chrono::milliseconds(e.settings.journal.commit_timeout_ms);
  if (auto journal = e.handles.journal())
    self_->request(journal, timeout, protocol::load_kernel{args_.sandbox_id, args_.kernel_id})
        .then([this](protocol::kernel_memory& m) { begin(std::move(m)); },
              [this](caf::error&) { begin({}); });
  else
    self_->send(self_, kernel_timer{kernel_timer::begin});  // without a memory
}

kernel_actor::behavior_type kernel_state_impl::make_behavior(const env& e, kernel_args args) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  prepare(e, std::move(args));
  return {
      [this](execution_request& r, follower_actor& to) { return accept(r, to); },
      [this](const follow_execution& f, const follower_actor& to) { return follow(f, to); },
      [this](cancel_execution& x) {
        return ask(kernel_event::cancel{x.execution_id}, x.execution_id);
      },
      [this](give_stdin& x) {
        return ask(kernel_event::stdin_given{x.execution_id, std::move(x.value)}, x.execution_id);
      },
      [this](interrupt_kernel& x) -> caf::result<kernel_view> {
        auto effects = step(kernel_event::interrupt{std::move(x.reason)});
        if (auto* f = refusal(effects)) return to_error(*f);
        run(std::move(effects));
        return machine_->view();
      },
      [this](const restart_kernel& x) -> caf::result<kernel_view> {
        auto effects = step(kernel_event::restart{});
        if (auto* f = refusal(effects)) return to_error(*f);
        run(std::move(effects));
        if (!x.wait) return machine_->view();
        return restarts_.emplace_back(self_->make_response_promise<kernel_view>());
      },
      [this](stop_kernel& x) -> caf::result<done> {
        auto promise = stops_.emplace_back(self_->make_response_promise<done>());
        run(step(kernel_event::stop{x.status, std::move(x.why)}));
        return promise;
      },
      [this](process_started& x) {
        run(step(kernel_event::process_started{x.generation, x.pid, std::move(x.connection_file)}));
      },
      [this](process_start_failed& x) {
        run(step(kernel_event::process_start_failed{x.generation, std::move(x.why)}));
      },
      [this](const kernel_answered& x) { run(step(kernel_event::answered{x.generation})); },
      [this](messages_received& x) { received(x); },
      [this](const heartbeat_lost& x) {
        run(step(kernel_event::heartbeat_lost{x.generation, x.misses}));
      },
      [this](const process_exited& x) {
        run(step(kernel_event::process_exited{x.generation, cause_of_exit(x, args_.limit)}));
      },
      [this](const link_drained& x) { run(step(kernel_event::drained{x.generation})); },
      [this](limit_exceeded& x) {
        run(step(kernel_event::limit_exceeded{x.generation, x.kill, std::move(x.why)}));
      },
      [this](const protocol::limits& x) {
        args_.limit = x;
        machine_->bound_output(x.output_bytes);
      },
      [this](const committed& x) { told_end(x.execution_id); },
      [this](const kernel_timer& x) { timer_went_off(x); },
  };
}

caf::result<execution_record> kernel_state_impl::accept(protocol::execution_request& r,
                                                        follower_actor& to) {
  auto id = r.id;
  // Whoever is told of it may ask for it, also of the next daemon.
  auto at_once = r.told_early || !r.idempotency_key.empty();
  auto to_whom = r.told_early ? &event_log::followers : &event_log::waiting;
  auto answer = ask(kernel_event::execute{std::move(r)}, id);
  auto it = logs_.find(id);
  if (it == logs_.end()) return answer;
  self_->monitor(to);
  (it->second.*to_whom).push_back(std::move(to));
  it->second.changed = true;
  if (at_once)
    fill_journal();
  else
    journal_soon();
  return answer;
}

void kernel_state_impl::timer_went_off(const kernel_timer& x) {
  if (x.kind == kernel_timer::begin) return begin({});
  if (x.kind == kernel_timer::deadlines) return look_at_deadlines();
  if (x.kind == kernel_timer::commits) return look_at_commits();
  journal_tick();
}

moment kernel_state_impl::now() const {
  using ms = std::chrono::duration<double, std::milli>;
  return {ms(self_->clock().now().time_since_epoch()).count(), env_->clock.now(),
          env_->random.next()};
}

void kernel_state_impl::begin(protocol::kernel_memory memory) {
  for (auto& record : memory.unfinished) end_leftover(std::move(record));
  run(step(kernel_event::start{memory.generation + 1}));
}

/// An execution that an earlier actor or daemon left without an end gets it now.
void kernel_state_impl::end_leftover(execution_record record) {
  auto end = end_of_leftover(std::move(record), env_->started_at, env_->clock.now());
  env_->handles.erase_execution(end.record.id);
  if (auto limiter = env_->handles.sandbox(args_.sandbox_id).limiter)
    self_->send(limiter, protocol::release_execution{end.record.id});
  if (auto journal = env_->handles.journal()) caf::anon_send(journal, std::move(end));
}

std::vector<kernel_output> kernel_state_impl::step(kernel_input in) {
  return machine_->step(std::move(in), now());
}

caf::result<execution_record> kernel_state_impl::ask(kernel_input in,
                                                     const std::string& execution_id) {
  auto effects = step(std::move(in));
  if (auto* f = refusal(effects)) return to_error(*f);
  run(std::move(effects));
  auto it = logs_.find(execution_id);
  return it == logs_.end() ? execution_record{.id = execution_id} : it->second.record;
}

void kernel_state_impl::run(std::vector<kernel_output> effects) {
  for (auto& effect : effects) std::visit([this](auto& x) { run(x); }, effect);
  for (auto& [id, log] : logs_)
    if (!log.ended && log.told < log.events.size()) tell(log);
  leave_when_told();
}

/// A stopped kernel stays until every end has been told.
void kernel_state_impl::leave_when_told() {
  if (!over_) return;
  fill_journal();
  if (!logs_.empty()) return;
  for (auto& promise : std::exchange(stops_, {})) promise.deliver(protocol::done{args_.kernel_id});
  self_->quit();
}

void kernel_state_impl::run(kernel_effect::start_process& x) {
  env_->views.counters.kernel_starts.fetch_add(1, std::memory_order_relaxed);
  if (auto journal = env_->handles.journal())
    self_->send(journal, protocol::mark_kernel{args_.sandbox_id, args_.kernel_id, x.generation});
  port_->start({args_.sandbox_id, args_.kernel_id, x.generation, args_.workspace, args_.limit});
}

void kernel_state_impl::run(kernel_effect::send& x) {
  port_->send({.on = x.on,
               .msg_id = std::move(x.msg_id),
               .msg_type = std::move(x.msg_type),
               .content = buffer(std::move(x.content))});
}

void kernel_state_impl::run(kernel_effect::accept& x) {
  env_->handles.put_execution(x.record->id, kernel_actor(self_));
  logs_[x.record->id].record = std::move(*x.record);
}

void kernel_state_impl::run(kernel_effect::begin& x) {
  env_->views.counters.executions_started.fetch_add(1, std::memory_order_relaxed);
  auto& log = logs_[x.record->id];
  log.cpu_ms_at_start = port_->cpu_ms();
  log.processes = env_->views.watch_processes(args_.sandbox_id);
  log.changed = true;
  kernel_effect::announce started{"execution_started",
                                  "\"execution_id\":\"" + x.record->id +
                                      "\",\"generation\":" + std::to_string(x.record->generation)};
  log.record = std::move(*x.record);
  run(started);
}

void kernel_state_impl::run(kernel_effect::emit& x) {
  auto& log = logs_[x.execution_id];
  log.events.push_back(protocol::render_event(x.n, x.type, env_->clock.now(), x.execution_id,
                                              x.generation, x.data.view()));
  log.record.last_event = x.n;
  auto& counters = env_->views.counters;
  counters.events_appended.fetch_add(1, std::memory_order_relaxed);
  counters.output_bytes.fetch_add(x.data.size(), std::memory_order_relaxed);
}

/// What is new goes to everybody who follows, and soon to the journal.
void kernel_state_impl::tell(event_log& log) {
  std::vector<buffer> fresh(log.events.begin() + static_cast<std::ptrdiff_t>(log.told),
                            log.events.end());
  auto first = log.told + 1;
  log.told = log.events.size();
  for (auto& f : log.followers)
    self_->send(f, protocol::event_batch{log.record.id, first, fresh, false, {}});
  journal_soon();
}

void kernel_state_impl::run(kernel_effect::finish& x) {
  auto& log = logs_[x.record->id];
  if (log.told < log.events.size()) tell(log);
  if (log.processes) {
    x.record->used.cpu_ms = std::max(0.0, port_->cpu_ms() - log.cpu_ms_at_start);
    x.record->used.memory_peak_bytes = port_->memory_peak_bytes();
    x.record->used.processes = log.processes->most();
  }
  log.record = std::move(*x.record);
  log.ended = true;
  auto& r = log.record;
  log.events.push_back(protocol::render_event(r.last_event, "ended", r.ended_at, r.id, r.generation,
                                              protocol::ended_data(r)));
  auto& counters = env_->views.counters;
  counters.executions_by_status[static_cast<std::size_t>(r.status)].fetch_add(
      1, std::memory_order_relaxed);
  if (auto limiter = env_->handles.sandbox(args_.sandbox_id).limiter)
    self_->send(limiter, protocol::release_execution{r.id});
  kernel_effect::announce ended{"execution_ended", "\"execution_id\":\"" + r.id +
                                                       "\",\"status\":\"" + to_string(r.status) +
                                                       "\",\"cause\":" + to_json(r.why)};
  run(ended);
  if (log.spilling == 0) commit(log);
}

void kernel_state_impl::tell_end(event_log& log) {
  for (auto& f : std::exchange(log.followers, {})) {
    self_->send(f,
                protocol::event_batch{
                    log.record.id, log.record.last_event, {log.events.back()}, true, log.record});
    self_->demonitor(f.address());
  }
  for (auto& f : std::exchange(log.waiting, {})) {
    self_->send(f, protocol::event_batch{log.record.id, 1, log.events, true, log.record});
    self_->demonitor(f.address());
  }
}

void kernel_state_impl::told_end(const std::string& execution_id) {
  auto it = logs_.find(execution_id);
  if (it == logs_.end()) return;
  tell_end(it->second);
  env_->handles.erase_execution(execution_id);
  logs_.erase(it);
  leave_when_told();
}

caf::result<execution_record> kernel_state_impl::follow(const protocol::follow_execution& f,
                                                        const follower_actor& to) {
  auto it = logs_.find(f.execution_id);
  if (it == logs_.end())
    return caf::make_error(protocol::error_code::execution_not_found,
                           "no execution " + f.execution_id + " here");
  auto& log = it->second;
  auto from = std::max<std::uint64_t>(f.from, 1);
  auto& events = log.events;
  if (log.log_file != 0) {
    auto skipped = std::min<std::uint64_t>(from - 1, events.size());
    self_->send(to, protocol::event_batch{
                        f.execution_id,
                        from,
                        {events.begin() + static_cast<std::ptrdiff_t>(skipped), events.end()},
                        true,
                        log.record});
    return log.record;
  }
  if (from <= log.told)
    self_->send(to, protocol::event_batch{f.execution_id,
                                          from,
                                          {events.begin() + static_cast<std::ptrdiff_t>(from - 1),
                                           events.begin() + static_cast<std::ptrdiff_t>(log.told)},
                                          false,
                                          {}});
  if (f.live) {
    self_->monitor(to);
    log.followers.push_back(to);
  }
  return log.record;
}

void kernel_state_impl::received(protocol::messages_received& m) {
  std::uint64_t bytes = 0;
  std::vector<kernel_output> effects;
  for (auto& message : m.batch) {
    bytes += bytes_of(message);
    auto more = step(kernel_event::message{m.generation, std::move(message)});
    std::move(more.begin(), more.end(), std::back_inserter(effects));
  }
  run(std::move(effects));
  consume(bytes);
}

bool kernel_state_impl::paused() const noexcept {
  return spilling_bytes_ > spilling_bytes_max;
}

void kernel_state_impl::consume(std::uint64_t bytes) {
  unconsumed_bytes_ += bytes;
  if (paused() || unconsumed_bytes_ < told_consumed_bytes) return;
  port_->consumed(std::exchange(unconsumed_bytes_, 0));
}

void kernel_state_impl::run(kernel_effect::spill& x) {
  auto workspace = env_->handles.sandbox(args_.sandbox_id).workspace;
  if (!workspace) return;
  auto bytes = x.bytes.size();
  spilling_bytes_ += bytes;
  ++logs_[x.execution_id].spilling;
  auto id = x.execution_id;
  self_
      ->request(workspace, spill_timeout,
                protocol::spill_output{std::move(x.path), std::move(x.bytes)})
      .then([this, bytes, id](const protocol::spilled&) { spill_settled(id, bytes); },
            [this, bytes, id](const caf::error& why) {
              run(step(kernel_event::spill_refused{id, self_->system().render(why)}));
              spill_settled(id, bytes);
            });
}

void kernel_state_impl::spill_settled(const std::string& execution_id, std::uint64_t bytes) {
  spilling_bytes_ -= bytes;
  consume(0);
  auto it = logs_.find(execution_id);
  if (it != logs_.end() && --it->second.spilling == 0 && it->second.ended) commit(it->second);
}

void kernel_state_impl::run(kernel_effect::announce& x) {
  auto data = "{\"sandbox_id\":" + protocol::json_string(args_.sandbox_id) +
              ",\"kernel_id\":" + protocol::json_string(args_.kernel_id) + "," + x.members + "}";
  if (x.type == "kernel_down") {
    env_->views.counters.kernel_deaths.fetch_add(1, std::memory_order_relaxed);
    spdlog::info("kernel_down {}", data);
  }
  happened(std::move(x.type), std::move(data));
}

void kernel_state_impl::run(kernel_effect::set_deadline& x) {
  set_timer(deadlines_.set(x.which, x.token, x.after_ms, now().steady_ms));
}

void kernel_state_impl::look_at_deadlines() {
  for (auto& passed : deadlines_.take_due(now().steady_ms)) {
    // We do not listen while the disk is behind, so the kernel is not silent.
    if (passed.which == kernel_deadline::settle && paused())
      set_timer(deadlines_.set(passed.which, passed.token, paused_look_ms, now().steady_ms));
    else
      run(step(kernel_event::deadline_passed{passed.which, passed.token}));
  }
  set_timer(deadlines_.next(now().steady_ms));
}

void kernel_state_impl::set_timer(std::optional<std::int64_t> after_ms) {
  if (after_ms)
    self_->delayed_send(self_, std::chrono::milliseconds(*after_ms),
                        kernel_timer{kernel_timer::deadlines});
}

void kernel_state_impl::run(kernel_effect::restart_over&) {
  for (auto& promise : std::exchange(restarts_, {})) promise.deliver(machine_->view());
}

void kernel_state_impl::run(kernel_effect::exhausted& x) {
  spdlog::error("kernel_failed kernel={}/{} cause=\"{}\"", args_.sandbox_id, args_.kernel_id,
                x.why.detail);
  for (auto& promise : std::exchange(restarts_, {}))
    promise.deliver(caf::make_error(protocol::error_code::wrong_state, x.why.detail));
  if (auto sandbox = caf::actor_cast<sandbox_actor>(args_.sandbox))
    self_->send(sandbox, protocol::kernel_turned{args_.kernel_id, x.why});
}

void kernel_state_impl::run(kernel_effect::recovered&) {
  if (auto sandbox = caf::actor_cast<sandbox_actor>(args_.sandbox))
    self_->send(sandbox, protocol::kernel_turned{args_.kernel_id, {}});
}

void kernel_state_impl::run(kernel_effect::stopped&) {
  env_->views.erase_kernel(args_.sandbox_id, args_.kernel_id);
  env_->handles.erase_kernel(args_.sandbox_id, args_.kernel_id);
  over_ = true;
}

void kernel_state_impl::run(kernel_effect::publish&) {
  env_->views.put(machine_->view());
}

}  // namespace actors
