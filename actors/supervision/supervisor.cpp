#include "actors/supervision/supervisor.hpp"

#include <caf/actor_system.hpp>

namespace actors {
namespace {

/// Stops the last child, then the one before it, and so on.
void stop_last(supervisor_actor::stateful_pointer<supervisor_state> self) {
  auto& s = self->state;
  if (s.order.empty()) {
    s.stopping.deliver(protocol::done{"supervisor"});
    return self->quit();
  }
  auto name = std::move(s.order.back());
  s.order.pop_back();
  s.children->stop(name, [self] { stop_last(self); });
}

}  // namespace

supervisor_actor::behavior_type supervisor(
    supervisor_actor::stateful_pointer<supervisor_state> self, const env* e,
    std::vector<node_child> table) {
  auto& s = self->state;
  e->views.put(tree_entry{.path = "supervisor",
                          .state = "running",
                          .started_at = e->clock.now(),
                          .policy = e->settings.actor_restart});
  s.children = std::make_unique<child_set>(
      self, *e, "supervisor", [self](const std::string& name, const protocol::cause& why) {
        self->quit(caf::make_error(protocol::error_code::unavailable, name + ": " + why.detail));
      });
  for (auto& child : table) {
    s.order.push_back(child.name);
    s.children->start(
        {child.name, [self, start = child.start] { return start(self->system()); }, child.policy});
  }
  return {
      [self](const restart_due& x) { self->state.children->restart(x.name); },
      [self](const protocol::drain&) -> caf::result<protocol::done> {
        self->state.stopping = self->make_response_promise<protocol::done>();
        auto promise = self->state.stopping;
        stop_last(self);
        return promise;
      },
  };
}

}  // namespace actors
