#include "actors/sandbox/sandbox.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>
#include <caf/send.hpp>
#include <chrono>

#include "actors/browser/browser.hpp"
#include "actors/command/commands.hpp"
#include "actors/errors.hpp"
#include "actors/kernel/kernel.hpp"
#include "actors/limiter/sandbox_limiter.hpp"
#include "actors/limiter/turn_ledger.hpp"
#include "actors/workspace/remove_tree.hpp"
#include "actors/workspace/workspace.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::error_code;
using protocol::sandbox_mode;
using protocol::sandbox_state;

namespace {

constexpr auto workspace_timeout = std::chrono::seconds(30);  // removing may take long

std::string workspace_root(const env& e, const std::string& id) {
  return e.data_dir + "/sandboxes/" + id;
}

/// The names that a kernel cannot have, as they are those of the sandbox's other children.
bool is_reserved(const std::string& child) {
  static constexpr std::array<std::string_view, 4> names{"limiter", "workspace", "commands",
                                                         "browser"};
  return std::ranges::count(names, child) > 0;
}

}  // namespace

protocol::sandbox_view starting_view(const env& e, const protocol::sandbox_spec& spec) {
  return {.spec = spec,
          .state = sandbox_state::starting,
          .why = {},
          .expires_at = spec.ttl_ms > 0 ? spec.created_at + spec.ttl_ms : 0,
          .kernels = spec.kernels,
          .workspace = workspace_root(e, spec.id),
          .opened = false};
}

sandbox_actor::behavior_type sandbox(sandbox_actor::stateful_pointer<sandbox_state_impl> self,
                                     const env* e, protocol::sandbox_spec spec) {
  return self->state.make_behavior(*e, std::move(spec));
}

sandbox_actor::behavior_type sandbox_state_impl::make_behavior(const env& e,
                                                               protocol::sandbox_spec spec) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  env_ = &e;
  spec_ = std::move(spec);
  root_ = workspace_root(e, spec_.id);
  children_ = std::make_unique<child_set>(self_, e, "supervisor/sandboxes/" + spec_.id,
                                          [this](const std::string&, const cause& why) {
                                            state_ = sandbox_state::failed;
                                            why_ = why;
                                            publish();
                                          });
  publish();
  start_limiter();
  start_workspace();
  prepare();
  return {
      [this](const create_kernel& x) { return create(x); },
      [this](const delete_kernel& x) { return remove(x); },
      [this](const protocol::begin_turn& x) { return begin_turn(x); },
      [this](change_limits& x) { return change(x); },
      [this](const limits_changed& x) { changed(x); },
      [this](const close_sandbox& x) { return close(x); },
      [this](kernel_turned& x) {
        if (state_ == sandbox_state::closing) return;
        why_ = std::move(x.why);
        state_ = why_.kind == cause_kind::none ? sandbox_state::ready : sandbox_state::failed;
        publish();
        if (x.kernel_id == "main") settle_start();
      },
      [this](const sandbox_opened& x) { opened(x); },
      [this](const restart_due& x) { children_->restart(x.name); },
  };
}

void sandbox_state_impl::start_limiter() {
  children_->start({"limiter",
                    [this] {
                      handles_.limiter = self_->spawn(sandbox_limiter, env_, spec_.id, spec_.limit);
                      handles_.sandbox = sandbox_actor(self_);
                      env_->handles.put_sandbox(spec_.id, handles_);
                      return caf::actor_cast<caf::strong_actor_ptr>(handles_.limiter);
                    },
                    env_->settings.actor_restart});
}

void sandbox_state_impl::start_workspace() {
  children_->start({"workspace",
                    [this] {
                      handles_.workspace = self_->spawn(workspace, env_, spec_.id, root_);
                      env_->handles.put_sandbox(spec_.id, handles_);
                      return caf::actor_cast<caf::strong_actor_ptr>(handles_.workspace);
                    },
                    env_->settings.actor_restart});
}

void sandbox_state_impl::prepare() {
  self_->request(handles_.workspace, workspace_timeout, protocol::prepare_workspace{})
      .then([this](const protocol::workspace_ready&) { open(); },
            [this](const caf::error& e) { opened({to_fault(e).detail}); });
}

/// Files may have to be given to its user, which takes as long as there are files.
void sandbox_state_impl::open() {
  auto me = caf::actor_cast<caf::actor_addr>(self_);
  env_->blocking.post(spec_.id, [&boxes = env_->boxes, me, spec = spec_, root = root_] {
    auto done = boxes.open(spec, root);
    if (auto to = caf::actor_cast<sandbox_actor>(me))
      caf::anon_send(to, protocol::sandbox_opened{done ? std::string() : done.error().detail});
  });
}

void sandbox_state_impl::opened(const protocol::sandbox_opened& x) {
  if (state_ == sandbox_state::closing) return;
  if (x.why.empty()) {
    open_ = true;
    start_commands();
    start_browser();
    for (auto& id : spec_.kernels) start_kernel(id);
  } else {
    spdlog::error("sandbox_failed id={} cause=\"{}\"", spec_.id, x.why);
    state_ = sandbox_state::failed;
    why_ = {.kind = protocol::cause_kind::start_failed, .detail = x.why};
  }
  publish();
  if (!open_) settle_start();
  if (!changes_.empty()) begin_change();
}

/// The node's start is over with the first that is known of `main`: it is ready, or never will be.
void sandbox_state_impl::settle_start() {
  if (spec_.id != "default" || env_->views.ready) return;
  env_->views.ready = state_ == sandbox_state::ready;
  env_->became_ready();
}

void sandbox_state_impl::start_commands() {
  children_->start({"commands",
                    [this] {
                      handles_.commands =
                          self_->spawn(commands, env_, commands_args{spec_.id, root_, spec_.limit});
                      env_->handles.put_sandbox(spec_.id, handles_);
                      return caf::actor_cast<caf::strong_actor_ptr>(handles_.commands);
                    },
                    env_->settings.actor_restart});
}

void sandbox_state_impl::start_browser() {
  children_->start({"browser",
                    [this] {
                      handles_.browser = self_->spawn(
                          browser, env_, browser_args{spec_.id, root_, spec_.mode, spec_.limit});
                      env_->handles.put_sandbox(spec_.id, handles_);
                      return caf::actor_cast<caf::strong_actor_ptr>(handles_.browser);
                    },
                    env_->settings.actor_restart});
}

void sandbox_state_impl::start_kernel(const std::string& id) {
  children_->start({id,
                    [this, id] {
                      kernel_args args{spec_.id, id, root_, spec_.limit, self_->address()};
                      auto k = self_->spawn(kernel, env_, std::move(args));
                      env_->handles.put_kernel(spec_.id, id, k);
                      return caf::actor_cast<caf::strong_actor_ptr>(k);
                    },
                    env_->settings.actor_restart});
}

caf::result<protocol::kernel_view> sandbox_state_impl::create(const protocol::create_kernel& x) {
  if (state_ == sandbox_state::closing)
    return caf::make_error(error_code::wrong_state, "the sandbox is closing");
  auto& ids = spec_.kernels;
  if (std::find(ids.begin(), ids.end(), x.kernel_id) != ids.end() || is_reserved(x.kernel_id))
    return caf::make_error(error_code::already_exists, "kernel " + x.kernel_id + " exists");
  if (children_->has(x.kernel_id)) {  // deleted, and all but gone
    auto promise = self_->make_response_promise<protocol::kernel_view>();
    children_->when_gone(
        x.kernel_id, [this, promise, x]() mutable { promise.delegate(sandbox_actor(self_), x); });
    return promise;
  }
  if (ids.size() >= spec_.limit.kernels_max)
    return to_error({.code = error_code::kernel_limit,
                     .detail = std::to_string(ids.size()) + " kernels are in the sandbox",
                     .members = budget_json(spec_.limit.kernels_max, ids.size())});
  ids.push_back(x.kernel_id);
  env_->views.put(protocol::kernel_view{.id = x.kernel_id, .sandbox_id = spec_.id});
  if (open_) start_kernel(x.kernel_id);  // else with the others
  keep();
  publish();
  return env_->views.kernel(spec_.id, x.kernel_id)->view;
}

caf::result<protocol::done> sandbox_state_impl::remove(const protocol::delete_kernel& x) {
  auto it = std::find(spec_.kernels.begin(), spec_.kernels.end(), x.kernel_id);
  auto k = env_->handles.kernel(spec_.id, x.kernel_id);
  if (it == spec_.kernels.end() || (open_ && !k))
    return caf::make_error(error_code::kernel_not_found, "no kernel " + x.kernel_id);
  spec_.kernels.erase(it);
  if (!k) env_->views.erase_kernel(spec_.id, x.kernel_id);
  keep();
  publish();
  if (!k) return protocol::done{x.kernel_id};  // it was never started
  auto promise = self_->make_response_promise<protocol::done>();
  auto grace = std::chrono::milliseconds(env_->settings.kernel.restart.stop_grace_ms) +
               std::chrono::seconds(10);
  protocol::cause why{.kind = protocol::cause_kind::cancelled, .detail = "the kernel was deleted"};
  self_->request(k, grace, protocol::stop_kernel{protocol::execution_status::cancelled, why})
      .then([promise](protocol::done& d) mutable { promise.deliver(std::move(d)); },
            [promise, k](caf::error& e) mutable {
              caf::anon_send_exit(k, caf::exit_reason::user_shutdown);
              promise.deliver(std::move(e));
            });
  return promise;
}

caf::result<protocol::turn_view> sandbox_state_impl::begin_turn(const protocol::begin_turn& x) {
  auto promise = self_->make_response_promise<protocol::turn_view>();
  auto ask_limiter = [this, promise, x]() mutable {
    self_->request(handles_.limiter, std::chrono::seconds(1), x)
        .then([promise](protocol::turn_view& t) mutable { promise.deliver(std::move(t)); },
              [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
  };
  if (spec_.mode == sandbox_mode::agent) {
    ask_limiter();
    return promise;
  }
  self_->request(handles_.workspace, workspace_timeout, protocol::prepare_workspace{true})
      .then([ask_limiter](const protocol::workspace_ready&) mutable { ask_limiter(); },
            [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
  return promise;
}

// -- limits --------------------------------------------------------------------------------------

caf::result<protocol::limits_view> sandbox_state_impl::change(protocol::change_limits& x) {
  if (state_ == sandbox_state::closing)
    return caf::make_error(error_code::wrong_state, "the sandbox is closing");
  auto promise = self_->make_response_promise<protocol::limits_view>();
  changes_.push_back({std::move(x.changes), promise});
  auto settled = open_ || state_ == sandbox_state::failed;  // else when it is
  if (settled && changes_.size() == 1) begin_change();
  return promise;
}

/// One after the other: each begins with what the one before it left.
void sandbox_state_impl::begin_change() {
  auto limit = spec_.limit;
  for (auto& each : changes_.front().what) apply(limit, each);
  auto me = caf::actor_cast<caf::actor_addr>(self_);
  env_->blocking.post(spec_.id, [&boxes = env_->boxes, me, id = spec_.id, limit] {
    auto done = boxes.change(id, limit);
    if (auto to = caf::actor_cast<sandbox_actor>(me))
      caf::anon_send(to,
                     protocol::limits_changed{limit, done ? std::string() : done.error().detail});
  });
}

void sandbox_state_impl::changed(const protocol::limits_changed& x) {
  if (state_ == sandbox_state::closing) return;  // answered; to keep it would bring it back
  auto answer = std::move(changes_.front().answer);
  changes_.pop_front();
  if (x.why.empty()) {
    spec_.limit = x.limit;
    keep();
    publish();
    self_->send(handles_.limiter, spec_.limit);
    for (auto& id : spec_.kernels)
      if (auto k = env_->handles.kernel(spec_.id, id)) self_->send(k, spec_.limit);
    if (handles_.commands) self_->send(handles_.commands, spec_.limit);
    if (handles_.browser) self_->send(handles_.browser, spec_.limit);
    self_->request(handles_.limiter, workspace_timeout, protocol::look_at_limits{spec_.id})
        .then([answer](protocol::limits_view& v) mutable { answer.deliver(std::move(v)); },
              [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  } else {
    answer.deliver(caf::make_error(error_code::wrong_state, x.why));
  }
  if (!changes_.empty()) begin_change();
}

void sandbox_state_impl::refuse_changes() {
  for (auto& each : std::exchange(changes_, {}))
    each.answer.deliver(caf::make_error(error_code::wrong_state, "the sandbox is closing"));
}

// -- its end -------------------------------------------------------------------------------------

caf::result<protocol::done> sandbox_state_impl::close(const protocol::close_sandbox& x) {
  auto promise = self_->make_response_promise<protocol::done>();
  closing_.push_back(promise);
  if (std::exchange(state_, sandbox_state::closing) == sandbox_state::closing) return promise;
  refuse_changes();
  publish();
  stop_workloads(x);
  return promise;
}

void sandbox_state_impl::stop_workloads(const protocol::close_sandbox& x) {
  auto left = std::make_shared<std::size_t>(1);
  auto one_less = [this, left, forget = x.forget] {
    if (--*left == 0) leave(forget);
  };
  auto grace = std::chrono::milliseconds(env_->settings.kernel.restart.stop_grace_ms) +
               std::chrono::seconds(10);
  for (auto& id : spec_.kernels) {
    auto k = env_->handles.kernel(spec_.id, id);
    if (!k) continue;
    ++*left;
    self_->request(k, grace, protocol::stop_kernel{x.status, x.why})
        .then([one_less](const protocol::done&) { one_less(); },
              [one_less, k](const caf::error&) {
                caf::anon_send_exit(k, caf::exit_reason::user_shutdown);
                one_less();
              });
  }
  if (auto c = handles_.commands) {
    ++*left;
    self_->request(c, grace, protocol::stop_commands{x.status, x.why})
        .then([one_less](const protocol::done&) { one_less(); },
              [one_less, c](const caf::error&) {
                caf::anon_send_exit(c, caf::exit_reason::user_shutdown);
                one_less();
              });
  }
  if (auto b = handles_.browser) {
    ++*left;
    auto browser_grace = std::chrono::milliseconds(env_->settings.browser.restart.stop_grace_ms) +
                         std::chrono::seconds(10);
    self_->request(b, browser_grace, protocol::close_browser{x.why})
        .then([one_less](const protocol::done&) { one_less(); },
              [one_less, b](const caf::error&) {
                caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
                one_less();
              });
  }
  one_less();
}

void sandbox_state_impl::leave(bool forget) {
  env_->blocking.post(spec_.id, [&boxes = env_->boxes, id = spec_.id] { boxes.close(id); });
  auto go = [this] {
    env_->handles.erase_sandbox(spec_.id);
    env_->views.erase_sandbox(spec_.id);
    for (auto& promise : closing_) promise.deliver(protocol::done{spec_.id});
    children_->stop("limiter", [this] { children_->stop("workspace", [this] { self_->quit(); }); });
  };
  if (!forget) return go();
  env_->blocking.post(spec_.id, [path = browser_folder(*env_, spec_.id)] { remove_tree(path); });
  if (auto journal = env_->handles.journal())
    self_->send(journal, protocol::forget_sandbox{spec_.id});
  self_->request(handles_.workspace, workspace_timeout, protocol::remove_workspace{"deleted"})
      .then([go](const protocol::done&) { go(); }, [go](const caf::error&) { go(); });
}

void sandbox_state_impl::keep() {
  if (auto journal = env_->handles.journal()) self_->send(journal, spec_);
}

void sandbox_state_impl::publish() {
  auto view = starting_view(*env_, spec_);
  view.state = state_;
  view.why = why_;
  view.opened = open_;
  env_->views.put(std::move(view));
}

}  // namespace actors
