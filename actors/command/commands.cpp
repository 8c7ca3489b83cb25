#include "actors/command/commands.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <chrono>

#include "actors/command/command_sink.hpp"
#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "actors/leftover.hpp"
#include "protocol/event.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::buffer;
using protocol::error_code;
using protocol::execution_record;

namespace {

/// Above this, the port is not told that its bytes were consumed until the disk has caught up.
constexpr std::uint64_t spilling_bytes_max = 8 << 20;
constexpr auto spill_timeout = std::chrono::seconds(30);

const protocol::fault* refusal(const std::vector<command_output>& effects) {
  for (auto& e : effects)
    if (auto* x = std::get_if<command_effect::refuse>(&e)) return &x->f;
  return nullptr;
}

caf::error missing(const std::string& id) {
  return caf::make_error(error_code::execution_not_found, "no command " + id + " runs here");
}

}  // namespace

commands_actor::behavior_type commands(commands_actor::stateful_pointer<commands_state> self,
                                       const env* e, commands_args args) {
  return self->state.make_behavior(*e, std::move(args));
}

/// What is asked of the journal now is answered before it hears of any command of ours.
void commands_state::prepare(const env& e, commands_args args) {
  env_ = &e;
  args_ = std::move(args);
  self_->set_down_handler([this](const caf::down_msg& dm) {
    for (auto& [id, c] : commands_)
      std::erase_if(c.followers, [&](auto& f) { return f.address() == dm.source; });
  });
  publish();
  auto timeout = std::chrono::milliseconds(e.settings.journal.commit_timeout_ms);
  if (auto journal = e.handles.journal())
    self_->request(journal, timeout, protocol::load_kernel{args_.sandbox_id, ""})
        .then(
            [this](protocol::kernel_memory& memory) {
              for (auto& record : memory.unfinished) end_leftover(std::move(record));
            },
            [](const caf::error&) {});
}

commands_actor::behavior_type commands_state::make_behavior(const env& e, commands_args args) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  prepare(e, std::move(args));
  return {
      [this](execution_request& r, const follower_actor& to) { return accept(r, to); },
      [this](const follow_execution& f, const follower_actor& to) { return follow(f, to); },
      [this](const cancel_execution& x) { return ask(x.execution_id, command_event::cancel{}); },
      [this](give_stdin& x) {
        return ask(x.execution_id, command_event::input_given{std::move(x.value), x.last});
      },
      [this](const resize_terminal& x) {
        return ask(x.execution_id, command_event::resized{x.rows, x.columns});
      },
      [this](const limit_exceeded& x) { exceeded(x); },
      [this](const limits& x) { args_.limit = x; },
      [this](const stop_commands& x) { return stop(x); },
      [this](command_start_failed& x) {
        step(x.execution_id, command_event::start_failed{std::move(x.why)});
      },
      [this](const command_printed& x) { printed(x); },
      [this](const command_took_input& x) {
        step(x.execution_id, command_event::took_input{x.bytes});
      },
      [this](const command_exited& x) {
        step(x.execution_id, command_event::exited{x.exit_code, x.signal, x.memory_bytes, x.used});
      },
      [this](const command_timer& x) {
        if (x.kind == command_timer::deadlines) return look_at_deadlines();
        journal_due_ = false;
        fill_journal();
      },
  };
}

moment commands_state::now() const {
  using ms = std::chrono::duration<double, std::milli>;
  return {ms(self_->clock().now().time_since_epoch()).count(), env_->clock.now(), 0};
}

std::size_t commands_state::running() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(commands_, [](auto& item) { return !item.second.ended; }));
}

commands_state::command* commands_state::find(const std::string& id) {
  auto it = commands_.find(id);
  return it == commands_.end() ? nullptr : &it->second;
}

// -- what clients ask ----------------------------------------------------------------------------

caf::result<execution_record> commands_state::accept(protocol::execution_request& r,
                                                     const follower_actor& to) {
  if (stopping_) return caf::make_error(error_code::draining, "the sandbox is closing");
  auto limit = env_->settings.command.max_per_sandbox;
  if (auto used = running(); used >= limit)
    return to_error({.code = error_code::execution_limit,
                     .detail = std::to_string(used) + " commands run in the sandbox",
                     .members = "{\"limit\":" + std::to_string(limit) +
                                ",\"used\":" + std::to_string(used) + ",\"remaining\":0}",
                     .retry_after_s = 1});
  auto id = r.id;
  auto& c = commands_[id];
  c.machine = std::make_unique<command_machine>(
      r, command_rules{args_.limit, env_->settings.limits.spill_bytes,
                       env_->settings.command.kill_grace_ms});
  auto sink = std::make_shared<command_mailbox_sink>(commands_actor(self_), id);
  c.port = env_->make_command_port(std::move(sink));
  c.start = start_of(r);
  c.processes = env_->views.watch_processes(args_.sandbox_id);
  c.followers.push_back(to);
  self_->monitor(to);
  env_->handles.put_execution(id, commands_actor(self_));
  env_->views.counters.executions_started.fetch_add(1, std::memory_order_relaxed);
  step(id, command_event::start{});
  c.record = c.machine->record();
  announce("execution_started", c.record);
  publish();
  if (r.told_early || !r.idempotency_key.empty())
    fill_journal();
  else
    journal_soon();
  return c.record;
}

command_start commands_state::start_of(const protocol::execution_request& r) const {
  auto& what = r.command;
  command_start start{.sandbox_id = args_.sandbox_id,
                      .command_id = r.id,
                      .argv = what.argv,
                      .environment = what.environment,
                      .workspace = args_.workspace,
                      .directory = what.directory,
                      .takes_input = what.keeps_input || !what.input.empty(),
                      .terminal = what.terminal,
                      .rows = what.rows,
                      .columns = what.columns,
                      .limit = args_.limit};
  if (!what.line.empty()) start.argv = {env_->settings.command.shell, "-c", what.line};
  return start;
}

caf::result<execution_record> commands_state::follow(const protocol::follow_execution& f,
                                                     const follower_actor& to) {
  auto* c = find(f.execution_id);
  if (!c) return missing(f.execution_id);
  auto from = std::max<std::uint64_t>(f.from, 1);
  if (from <= c->told) {
    auto begin = c->events.begin();
    std::vector<buffer> seen(begin + static_cast<std::ptrdiff_t>(from - 1),
                             begin + static_cast<std::ptrdiff_t>(c->told));
    self_->send(to, protocol::event_batch{f.execution_id, from, std::move(seen), false, {}});
  }
  if (f.live) {
    self_->monitor(to);
    c->followers.push_back(to);
  }
  return c->record;
}

caf::result<execution_record> commands_state::ask(const std::string& id, command_input in) {
  auto* c = find(id);
  if (!c) return missing(id);
  auto effects = c->machine->step(std::move(in), now());
  if (auto* f = refusal(effects)) return to_error(*f);
  run(*c, std::move(effects));
  return c->record;
}

caf::result<protocol::done> commands_state::stop(const protocol::stop_commands& x) {
  stopping_ = true;
  auto promise = stops_.emplace_back(self_->make_response_promise<protocol::done>());
  for (auto& [id, c] : commands_)
    if (!c.ended) run(c, c.machine->step(command_event::stop{x.status, x.why}, now()));
  leave_when_told();
  return promise;
}

void commands_state::exceeded(const protocol::limit_exceeded& x) {
  auto status = x.why.kind == protocol::cause_kind::memory_limit
                    ? protocol::execution_status::memory_limit
                    : protocol::execution_status::interrupted;
  for (auto& [id, c] : commands_)
    if (!c.ended && (x.whose.empty() || x.whose == id))
      run(c, c.machine->step(command_event::limit_exceeded{status, x.why}, now()));
}

/// A stopped actor stays until every end has been told.
void commands_state::leave_when_told() {
  if (!stopping_ || !commands_.empty()) return;
  for (auto& promise : std::exchange(stops_, {})) promise.deliver(protocol::done{"commands"});
  self_->quit();
}

// -- what processes do ---------------------------------------------------------------------------

void commands_state::step(const std::string& id, command_input in) {
  if (auto* c = find(id)) run(*c, c->machine->step(std::move(in), now()));
}

void commands_state::printed(const protocol::command_printed& x) {
  step(x.execution_id, command_event::printed{x.on, x.bytes});
  if (auto* c = find(x.execution_id)) consume(*c, x.bytes.size());
}

void commands_state::consume(command& c, std::uint64_t bytes) {
  c.unconsumed_bytes += bytes;
  if (c.spilling_bytes <= spilling_bytes_max && c.unconsumed_bytes > 0)
    c.port->consumed(std::exchange(c.unconsumed_bytes, 0));
}

void commands_state::run(command& c, std::vector<command_output> effects) {
  for (auto& effect : effects) std::visit([&](auto& x) { run(c, x); }, effect);
  if (!c.ended && c.told < c.events.size()) tell(c);
  if (c.ended && c.spilling == 0 && !std::exchange(c.committing, true)) commit(c);
}

void commands_state::run(command& c, command_effect::emit& x) {
  auto& r = c.machine->record();
  c.events.push_back(
      protocol::render_event(x.n, x.type, env_->clock.now(), r.id, r.generation, x.data.view()));
  c.record.last_event = x.n;
  auto& counters = env_->views.counters;
  counters.events_appended.fetch_add(1, std::memory_order_relaxed);
  counters.output_bytes.fetch_add(x.data.size(), std::memory_order_relaxed);
}

void commands_state::run(command& c, command_effect::spill& x) {
  auto workspace = env_->handles.sandbox(args_.sandbox_id).workspace;
  if (!workspace) return;
  auto bytes = x.bytes.size();
  c.spilling_bytes += bytes;
  ++c.spilling;
  auto id = c.machine->record().id;
  self_
      ->request(workspace, spill_timeout,
                protocol::spill_output{std::move(x.path), std::move(x.bytes)})
      .then([this, id, bytes](const protocol::spilled&) { spill_settled(id, bytes, {}); },
            [this, id, bytes](const caf::error& why) {
              spill_settled(id, bytes, self_->system().render(why));
            });
}

void commands_state::spill_settled(const std::string& id, std::uint64_t bytes, std::string why) {
  auto* c = find(id);
  if (!c) return;
  c->spilling_bytes -= bytes;
  --c->spilling;
  consume(*c, 0);
  if (why.empty()) return run(*c, {});
  step(id, command_event::spill_refused{std::move(why)});
}

void commands_state::run(command& c, command_effect::set_deadline& x) {
  deadline_of key{c.machine->record().id, x.which};
  set_timer(deadlines_.set(key, x.token, x.after_ms, now().steady_ms));
}

void commands_state::look_at_deadlines() {
  for (auto& [of, token] : deadlines_.take_due(now().steady_ms))
    step(of.command_id, command_event::deadline_passed{of.which, token});
  set_timer(deadlines_.next(now().steady_ms));
}

void commands_state::set_timer(std::optional<std::int64_t> after_ms) {
  if (after_ms)
    self_->delayed_send(self_, std::chrono::milliseconds(*after_ms),
                        command_timer{command_timer::deadlines});
}

void commands_state::run(command& c, command_effect::finish& x) {
  if (c.told < c.events.size()) tell(c);
  c.record = std::move(x.record);
  c.record.used.processes = c.processes->most();
  c.ended = true;
  auto& r = c.record;
  for (auto which : {command_deadline::time, command_deadline::grace, command_deadline::kill})
    deadlines_.drop({r.id, which});
  c.events.push_back(protocol::render_event(r.last_event, "ended", r.ended_at, r.id, r.generation,
                                            protocol::ended_data(r)));
  env_->views.counters.executions_by_status[static_cast<std::size_t>(r.status)].fetch_add(
      1, std::memory_order_relaxed);
  if (auto limiter = env_->handles.sandbox(args_.sandbox_id).limiter)
    self_->send(limiter, protocol::release_execution{r.id});
  announce("execution_ended", r);
  publish();
}

void commands_state::publish() {
  env_->views.put(args_.sandbox_id, {running(), env_->clock.now()});
}

}  // namespace actors
