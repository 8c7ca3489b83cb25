#include "actors/supervision/child_set.hpp"

#include <spdlog/spdlog.h>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include "actors/directory.hpp"
#include "protocol/json.hpp"

namespace actors {

child_set::child_set(caf::scheduled_actor* self, const env& e, std::string path,
                     std::function<void(const std::string&, const protocol::cause&)> exhausted)
    : self_(self), env_(e), path_(std::move(path)), exhausted_(std::move(exhausted)) {
  self_->set_down_handler([this](const caf::down_msg& dm) { on_down(dm); });
}

child_set::~child_set() {
  for (auto& [name, c] : children_) {
    env_.views.erase_tree(path_ + "/" + name);
    if (c.ptr)
      caf::anon_send_exit(caf::actor_cast<caf::actor>(c.ptr), caf::exit_reason::user_shutdown);
  }
}

double child_set::steady_ms() const {
  using ms = std::chrono::duration<double, std::milli>;
  return ms(self_->clock().now().time_since_epoch()).count();
}

void child_set::start(child_spec spec) {
  auto& c = children_[spec.name];
  c.spec = std::move(spec);
  run(c);
}

void child_set::run(child& c) {
  c.started_ms = steady_ms();
  c.ptr = c.spec.start();
  self_->monitor(caf::actor_cast<caf::actor_addr>(c.ptr));
  publish(c, "running");
}

void child_set::restart(const std::string& name) {
  auto it = children_.find(name);
  if (it == children_.end() || it->second.ptr) return;
  ++it->second.generation;
  ++it->second.restarts;
  run(it->second);
}

void child_set::stop(const std::string& name, std::function<void()> gone) {
  auto it = children_.find(name);
  if (it != children_.end() && it->second.ptr)
    caf::anon_send_exit(caf::actor_cast<caf::actor>(it->second.ptr),
                        caf::exit_reason::user_shutdown);
  when_gone(name, std::move(gone));
}

void child_set::when_gone(const std::string& name, std::function<void()> gone) {
  auto it = children_.find(name);
  if (it == children_.end()) return gone();
  it->second.gone.push_back(std::move(gone));
  if (!it->second.ptr) leave(it);
}

void child_set::leave(std::map<std::string, child>::iterator it) {
  auto gone = std::move(it->second.gone);
  env_.views.erase_tree(path_ + "/" + it->first);
  children_.erase(it);
  for (auto& then : gone) then();
}

void child_set::on_down(const caf::down_msg& dm) {
  for (auto it = children_.begin(); it != children_.end(); ++it) {
    auto& c = it->second;
    if (!c.ptr || c.ptr->address() != dm.source) continue;
    c.ptr = nullptr;
    auto asked = !dm.reason || dm.reason == caf::exit_reason::normal ||
                 dm.reason == caf::exit_reason::user_shutdown;
    if (c.gone.empty() && !asked) return died(c, dm.reason);
    return leave(it);
  }
}

void child_set::died(child& c, const caf::error& reason) {
  c.last_cause = {.kind = protocol::cause_kind::actor_failed,
                  .detail = self_->system().render(reason)};
  env_.views.counters.actor_deaths.fetch_add(1, std::memory_order_relaxed);
  spdlog::error("actor_down path={}/{} generation={} cause=\"{}\"", path_, c.spec.name,
                c.generation, c.last_cause.detail);
  auto now = steady_ms();
  auto next = decide(c.spec.policy, c.history, true, static_cast<std::int64_t>(now - c.started_ms),
                     static_cast<std::int64_t>(now), env_.random.next());
  if (auto journal = env_.handles.journal())
    caf::anon_send(
        journal, protocol::node_event{
                     "actor_down", "{\"path\":" + protocol::json_string(path_ + "/" + c.spec.name) +
                                       ",\"generation\":" + std::to_string(c.generation) +
                                       ",\"cause\":" + to_json(c.last_cause) + "}"});
  auto* again = std::get_if<restart_after>(&next);
  publish(c, again ? "restarting" : "failed");
  if (!again) return exhausted_(c.spec.name, c.last_cause);
  caf::delayed_anon_send(caf::actor_cast<caf::actor>(self_->ctrl()),
                         std::chrono::milliseconds(again->wait_ms), restart_due{c.spec.name});
}

void child_set::publish(const child& c, std::string state) const {
  env_.views.put(tree_entry{.path = path_ + "/" + c.spec.name,
                            .state = std::move(state),
                            .generation = c.generation,
                            .restarts = c.restarts,
                            .last_cause = c.last_cause,
                            .started_at = env_.clock.now(),
                            .policy = c.spec.policy});
}

}  // namespace actors
