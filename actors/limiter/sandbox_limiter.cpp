#include "actors/limiter/sandbox_limiter.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>
#include <chrono>
#include <utility>

#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "protocol/id.hpp"

namespace actors {

using protocol::execution_record;
using protocol::execution_request;

namespace {

constexpr std::size_t held_max = 64;   // executions that wait for a look; beyond: refused at once
constexpr double held_ms_max = 4'000;  // then its client is about to give up, and must not meet it

caf::error gone() {
  return caf::make_error(protocol::error_code::unavailable, "the sandbox's limiter has ended");
}

/// Of time that a group or the processes have in all; what was counted before us is not ours.
std::uint64_t rise(std::optional<double>& counted, double cpu_ms) {
  auto before = std::exchange(counted, cpu_ms).value_or(cpu_ms);
  return cpu_ms > before ? static_cast<std::uint64_t>(cpu_ms - before) : 0;
}

}  // namespace

sandbox_limiter_actor::behavior_type sandbox_limiter(sandbox_limiter_state::pointer self,
                                                     const env* e, std::string sandbox_id,
                                                     const protocol::limits& limit) {
  return self->state.make_behavior(*e, std::move(sandbox_id), limit);
}

sandbox_limiter_state::~sandbox_limiter_state() {
  for (auto* ticket : {&under_way_, &next_}) {
    for (auto& answer : ticket->asked) answer.deliver(gone());
    for (auto& each : ticket->held) each.answer.deliver(gone());
  }
}

sandbox_limiter_actor::behavior_type sandbox_limiter_state::make_behavior(
    const env& e, std::string sandbox_id, const protocol::limits& limit) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  env_ = &e;
  sandbox_id_ = std::move(sandbox_id);
  steps_ = std::make_unique<limiter_machine>(limiter_rules{0, limit.steps_per_turn});
  e.views.put(sandbox_id_, steps_->ledger());
  budgets_ = std::make_unique<budget_machine>(limit, e.settings.limits.watch_ms);
  look({});  // where the counters stand
  schedule();
  return {
      [this](execution_request& x, const execution_actor& runner, const follower_actor& to) {
        return admit(x, runner, to);
      },
      [this](const release_execution& x) { release(x); },
      [this](const tick& x) {
        if (x.count != rhythm_) return;
        look(budgets_->by_clock(now_ms()));
        schedule();
      },
      [this](const begin_turn&) {
        return steps_->begin_turn(make_id("trn_", env_->random.next(), env_->random.next()));
      },
      [this](const look_at_limits&) -> caf::result<limits_view> {
        look(budgets_->by_request(now_ms()));
        auto& ticket = next_.due ? next_ : under_way_;
        return ticket.asked.emplace_back(self_->make_response_promise<limits_view>());
      },
      [this](const limits_looked& x) { looked(x); },
      [this](const protocol::limits& x) { change(x); },
  };
}

double sandbox_limiter_state::now_ms() const {
  using ms = std::chrono::duration<double, std::milli>;
  return ms(self_->clock().now().time_since_epoch()).count();
}

// -- admission -----------------------------------------------------------------------------------

caf::result<execution_record> sandbox_limiter_state::admit(execution_request& x,
                                                           const execution_actor& runner,
                                                           const follower_actor& to) {
  if (budgets_->refusal() && under_way_.held.size() + next_.held.size() < held_max) {
    // Files may have been deleted since.
    look(budgets_->by_request(now_ms()));
    auto& held = (next_.due ? next_ : under_way_).held;
    held.push_back(
        {std::move(x), runner, to, self_->make_response_promise<execution_record>(), now_ms()});
    return held.back().answer;
  }
  if (auto in = let_in(x); !in) return to_error(in.error());
  if (auto node = env_->handles.limiter()) return self_->delegate(node, std::move(x), runner, to);
  return self_->delegate(runner, std::move(x), to);
}

protocol::result<void> sandbox_limiter_state::let_in(const execution_request& x) {
  if (auto over = budgets_->refusal()) return *over;
  if (auto in = steps_->admit(x.id, x.turn_id, env_->clock.now()); !in) return in;
  if (budgets_->began()) schedule();
  return {};
}

void sandbox_limiter_state::release(const protocol::release_execution& x) {
  steps_->release(x);
  if (auto node = env_->handles.limiter()) self_->send(node, x);
}

void sandbox_limiter_state::change(const protocol::limits& limit) {
  steps_->change({0, limit.steps_per_turn});
  budgets_->change(limit);
}

// -- looks ---------------------------------------------------------------------------------------

void sandbox_limiter_state::schedule() {
  self_->delayed_send(self_, std::chrono::milliseconds(budgets_->next_look_ms()), tick{++rhythm_});
}

void sandbox_limiter_state::look(look_order order) {
  next_.due = true;
  next_.order.disk |= order.disk;
  next_.order.processes |= order.processes;
  if (!looking_) begin_look();
}

void sandbox_limiter_state::begin_look() {
  looking_ = true;
  under_way_ = std::exchange(next_, {});
  for (auto& each : env_->views.kernels(sandbox_id_))
    under_way_.generations[each->view.id] = each->view.generation;
  budgets_->begins(steps_->ledger()->put_bytes());
  auto me = caf::actor_cast<caf::actor_addr>(self_);
  env_->looks.post(sandbox_id_,
                   [&boxes = env_->boxes, me, id = sandbox_id_, order = under_way_.order] {
                     auto found = boxes.look(id, order);
                     if (auto to = caf::actor_cast<sandbox_limiter_actor>(me))
                       caf::anon_send(to, protocol::limits_looked{std::move(found)});
                   });
}

void sandbox_limiter_state::looked(const protocol::limits_looked& x) {
  looking_ = false;
  env_->views.counters.sandbox_cpu_ms += rise(counted_cpu_ms_, x.found.cpu_ms);
  auto found = x.found;
  found.put_bytes = steps_->ledger()->put_bytes();
  auto outcome = budgets_->looked(found, steps_->held() > 0, now_ms(), env_->clock.now());
  carry_out(outcome);
  if (outcome.sooner) schedule();
  env_->views.put_usage(sandbox_id_, budgets_->last());
  auto ticket = std::exchange(under_way_, {});
  if (next_.due) begin_look();
  settle(ticket);
}

void sandbox_limiter_state::carry_out(const look_outcome& outcome) {
  for (auto& hit : outcome.hits) {
    auto data = to_json(hit, sandbox_id_);
    spdlog::info("limit_hit {}", data);
    env_->views.counters.limit_hits.fetch_add(1, std::memory_order_relaxed);
    if (auto journal = env_->handles.journal())
      self_->send(journal, protocol::node_event{"limit_hit", std::move(data)});
  }
  for (auto& order : outcome.orders) {
    for (auto& each : env_->views.kernels(sandbox_id_)) {
      auto meant = order.whose.empty() || order.whose == each->view.id;
      auto kernel = env_->handles.kernel(sandbox_id_, each->view.id);
      if (!meant || !kernel) continue;
      auto to_it = order;
      to_it.generation = under_way_.generations[each->view.id];
      self_->send(kernel, std::move(to_it));
    }
    if (auto commands = env_->handles.sandbox(sandbox_id_).commands) self_->send(commands, order);
  }
}

void sandbox_limiter_state::settle(look_ticket& ticket) {
  for (auto& answer : ticket.asked) answer.deliver(view());
  for (auto& each : ticket.held) {
    if (now_ms() - each.came_ms > held_ms_max)
      each.answer.deliver(caf::make_error(protocol::error_code::unavailable,
                                          "measuring the workspace took too long"));
    else if (auto in = let_in(each.request); !in)
      each.answer.deliver(to_error(in.error()));
    else if (auto node = env_->handles.limiter())
      each.answer.delegate(node, std::move(each.request), each.runner, each.to);
    else
      each.answer.delegate(each.runner, std::move(each.request), each.to);
  }
}

protocol::limits_view sandbox_limiter_state::view() const {
  auto& ledger = *steps_->ledger();
  auto out = budgets_->view(env_->views.isolation.level, ledger.steps_used(),
                            env_->views.kernels(sandbox_id_).size());
  for (auto& each : out.limits)
    if (each.name == "steps_per_turn") each.last = ledger.last_refusal();
  out.limits.push_back({.name = "executions_max",
                        .limit = static_cast<double>(env_->settings.limits.executions_max),
                        .used = static_cast<double>(env_->views.counters.executions_held.load()),
                        .held_by = "daemon"});
  auto browser = static_cast<double>(budgets_->last().browser_memory_bytes);
  out.limits.push_back({.name = "browser_memory_bytes",
                        .limit = static_cast<double>(env_->settings.browser.memory_bytes),
                        .used = browser,
                        .held_by = browser < 0 ? "" : "control_group"});
  if (auto& egress = env_->settings.kernel.egress; egress.mode == "proxy") {
    auto use = env_->views.egress(sandbox_id_);
    auto used = static_cast<double>(use->bytes);
    out.limits.push_back({.name = "egress_bytes",
                          .limit = static_cast<double>(egress.bytes_max),
                          .used = used,
                          .held_by = "daemon",
                          .last = {use->last_refused_at, used, "refused"}});
  }
  return out;
}

}  // namespace actors
