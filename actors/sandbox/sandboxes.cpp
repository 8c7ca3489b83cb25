#include "actors/sandbox/sandboxes.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <chrono>

#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "actors/limiter/turn_ledger.hpp"
#include "actors/sandbox/sandbox.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::cause;
using protocol::cause_kind;
using protocol::error_code;
using protocol::execution_status;

namespace {

constexpr auto drain_look = std::chrono::milliseconds(20);

bool works(const node_views& views) {
  for (auto& k : views.all_kernels())
    if (!k->view.running.empty() || k->view.queue > 0) return true;
  for (auto& s : views.sandboxes())
    if (views.commands(s->spec.id).running > 0) return true;
  return false;
}

}  // namespace

protocol::limits default_limits(const config::settings& s, protocol::sandbox_mode mode) {
  auto steps = mode == protocol::sandbox_mode::chat ? s.sandbox.chat_steps_per_turn
                                                    : s.sandbox.agent_steps_per_turn;
  return {.memory_bytes = s.limits.memory_bytes,
          .processes = s.limits.processes,
          .cpus = s.limits.cpus,
          .disk_bytes = s.limits.disk_bytes,
          .tmp_bytes = s.limits.tmp_bytes,
          .open_files = s.limits.open_files,
          .output_bytes = s.limits.output_bytes,
          .steps_per_turn = steps,
          .execution_ms_max = s.kernel.timeout_ms_max,
          .kernels_max = s.kernel.max_per_sandbox};
}

sandboxes_actor::behavior_type sandboxes(sandboxes_actor::stateful_pointer<sandboxes_state> self,
                                         const env* e) {
  return self->state.make_behavior(*e);
}

sandboxes_actor::behavior_type sandboxes_state::make_behavior(const env& e) {
  env_ = &e;
  // A sandbox whose own actor failed too often is shown as failed; the others go on.
  children_ = std::make_unique<child_set>(self_, e, "supervisor/sandboxes",
                                          [](const std::string&, const cause&) {});
  auto timeout = std::chrono::milliseconds(e.settings.journal.commit_timeout_ms);
  if (auto journal = e.handles.journal())
    self_->request(journal, timeout, protocol::load_sandboxes{})
        .then([this](const protocol::sandbox_list& kept) { begin(kept.specs); },
              [this](const caf::error&) { begin({}); });
  else
    begin({});
  return {
      [this](const protocol::create_sandbox& x) { return create(x); },
      [this](const protocol::delete_sandbox& x) -> caf::result<protocol::done> {
        return close(x.sandbox_id,
                     {execution_status::cancelled,
                      {.kind = cause_kind::cancelled, .detail = "the sandbox was deleted"},
                      true});
      },
      [this](const protocol::drain& x) { return drain(x); },
      [this](const tick&) { look(); },
      [this](const restart_due& x) { children_->restart(x.name); },
  };
}

void sandboxes_state::begin(const std::vector<protocol::sandbox_spec>& kept) {
  protocol::sandbox_spec ours{.id = "default", .created_at = env_->clock.now()};
  if (env_->settings.sandbox.default_mode == "chat") ours.mode = protocol::sandbox_mode::chat;
  ours.limit = default_limits(env_->settings, ours.mode);
  for (auto& spec : kept)
    if (spec.id == ours.id)
      ours.kernels = spec.kernels;  // the rest of `default` is what the configuration says now
    else
      start(spec);
  announce_created(ours.id);
  start(std::move(ours));
  self_->delayed_send(self_, std::chrono::milliseconds(env_->settings.sandbox.sweep_interval_ms),
                      tick{});
}

void sandboxes_state::start(protocol::sandbox_spec spec) {
  auto id = spec.id;
  // It can be asked about, and given work, before its actor has run.
  env_->views.put(starting_view(*env_, spec));
  for (auto& kernel_id : spec.kernels)
    env_->views.put(protocol::kernel_view{.id = kernel_id, .sandbox_id = id});
  children_->start({id,
                    [this, spec = std::move(spec)] {
                      // Replaced, it goes on with the kernels and limits it has got meanwhile.
                      auto seen = env_->views.sandbox(spec.id);
                      auto s = self_->spawn(sandbox, env_, seen ? seen->spec : spec);
                      return caf::actor_cast<caf::strong_actor_ptr>(s);
                    },
                    env_->settings.actor_restart});
}

void sandboxes_state::announce_created(const std::string& id) {
  if (auto journal = env_->handles.journal())
    self_->send(journal,
                protocol::node_event{"sandbox_created",
                                     "{\"sandbox_id\":" + protocol::json_string(id) + "}"});
}

caf::result<protocol::sandbox_view> sandboxes_state::create(const protocol::create_sandbox& x) {
  if (draining_) return caf::make_error(error_code::draining, "the daemon is shutting down");
  auto& id = x.spec.id;
  if (env_->views.sandbox(id))
    return caf::make_error(error_code::already_exists, "sandbox " + id + " exists");
  if (children_->has(id)) {  // deleted, and all but gone
    auto promise = self_->make_response_promise<protocol::sandbox_view>();
    children_->when_gone(
        id, [this, promise, x]() mutable { promise.delegate(sandboxes_actor(self_), x); });
    return promise;
  }
  if (auto used = env_->views.sandboxes().size(); used >= env_->settings.sandbox.max)
    return to_error({.code = error_code::sandbox_limit,
                     .detail = std::to_string(used) + " sandboxes exist",
                     .members = budget_json(env_->settings.sandbox.max, used)});
  auto spec = x.spec;
  spec.created_at = env_->clock.now();
  if (auto journal = env_->handles.journal()) self_->send(journal, spec);
  announce_created(id);
  start(std::move(spec));
  return *env_->views.sandbox(x.spec.id);
}

caf::result<protocol::done> sandboxes_state::close(const std::string& id,
                                                   protocol::close_sandbox how) {
  auto handles = env_->handles.sandbox(id);
  if (!children_->has(id) || !handles.sandbox)
    return caf::make_error(error_code::sandbox_not_found, "no sandbox " + id);
  auto promise = self_->make_response_promise<protocol::done>();
  auto type = how.why.kind == cause_kind::expired ? "sandbox_expired" : "sandbox_deleted";
  if (auto journal = env_->handles.journal())
    self_->send(journal, protocol::node_event{type, "{\"sandbox_id\":" + protocol::json_string(id) +
                                                        ",\"cause\":" + to_json(how.why) + "}"});
  self_->request(handles.sandbox, std::chrono::seconds(60), std::move(how))
      .then([promise](protocol::done& d) mutable { promise.deliver(std::move(d)); },
            [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
  return promise;
}

void sandboxes_state::look() {
  auto now = env_->clock.now();
  for (auto& view : env_->views.sandboxes()) {
    if (view->state == protocol::sandbox_state::closing) continue;
    auto& spec = view->spec;
    auto commands = env_->views.commands(spec.id);
    auto last = std::max(spec.created_at, commands.last_activity);
    auto busy = commands.running > 0;
    if (auto browser = env_->views.browser(spec.id)) {
      last = std::max(last, browser->last_activity);
      busy = busy || browser->clients > 0 || browser->state == protocol::browser_state::busy;
    }
    for (auto& k : env_->views.kernels(spec.id)) {
      last = std::max(last, k->view.last_activity);
      busy = busy || !k->view.running.empty() || k->view.queue > 0;
    }
    auto old = view->expires_at > 0 && now >= view->expires_at;
    auto idle = spec.idle_ms > 0 && !busy && now - last >= spec.idle_ms;
    if (!old && !idle) continue;
    cause why{.kind = cause_kind::expired,
              .limit = old ? "ttl_s=" + std::to_string(spec.ttl_ms / 1000)
                           : "idle_s=" + std::to_string(spec.idle_ms / 1000),
              .detail = old ? "the sandbox reached its ttl" : "the sandbox was idle too long"};
    if (auto handles = env_->handles.sandbox(spec.id); handles.sandbox)
      caf::anon_send(caf::actor_cast<sandbox_actor>(handles.sandbox),
                     protocol::close_sandbox{execution_status::cancelled, why, true});
    if (auto journal = env_->handles.journal())
      self_->send(journal,
                  protocol::node_event{"sandbox_expired",
                                       "{\"sandbox_id\":" + protocol::json_string(spec.id) +
                                           ",\"cause\":" + to_json(why) + "}"});
  }
  if (draining_ && (!works(env_->views) || std::chrono::steady_clock::now() >= drain_until_))
    return drained();
  auto rhythm =
      draining_ ? drain_look : std::chrono::milliseconds(env_->settings.sandbox.sweep_interval_ms);
  self_->delayed_send(self_, rhythm, tick{});
}

caf::result<protocol::done> sandboxes_state::drain(const protocol::drain& x) {
  auto promise = self_->make_response_promise<protocol::done>();
  drains_.push_back(promise);
  draining_ = true;
  drain_until_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(x.deadline_ms);
  self_->send(self_, tick{});
  return promise;
}

/// Nothing runs any more, or the deadline has passed: every sandbox is closed, none forgotten.
void sandboxes_state::drained() {
  if (std::exchange(closed_, true)) return;
  auto left = std::make_shared<std::size_t>(1);
  auto one_less = [this, left] {
    if (--*left > 0) return;
    for (auto& promise : drains_) promise.deliver(protocol::done{"drained"});
    drains_.clear();
  };
  cause why{.kind = cause_kind::shutdown, .detail = "the daemon was asked to stop"};
  for (auto& view : env_->views.sandboxes()) {
    auto handles = env_->handles.sandbox(view->spec.id);
    if (!handles.sandbox) continue;
    ++*left;
    self_
        ->request(handles.sandbox, std::chrono::seconds(30),
                  protocol::close_sandbox{execution_status::shutdown, why, false})
        .then([one_less](const protocol::done&) { one_less(); },
              [one_less](const caf::error&) { one_less(); });
  }
  one_less();
}

}  // namespace actors
