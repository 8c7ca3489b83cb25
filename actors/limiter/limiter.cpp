#include "actors/limiter/limiter.hpp"

#include "actors/directory.hpp"
#include "actors/errors.hpp"

namespace actors {

limiter_actor::behavior_type limiter(limiter_actor::stateful_pointer<limiter_state> self,
                                     const env* e) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  self->state.machine = limiter_machine({.executions_max = e->settings.limits.executions_max});
  return {
      [self, e](execution_request& x, const execution_actor& runner,
                const follower_actor& to) -> caf::result<execution_record> {
        auto in = self->state.machine.admit(x.id, "");  // turns are a sandbox's own
        if (!in) return to_error(in.error());
        e->views.counters.executions_held = self->state.machine.held();
        return self->delegate(runner, std::move(x), to);
      },
      [self, e](const release_execution& x) {
        self->state.machine.release(x);
        e->views.counters.executions_held = self->state.machine.held();
      },
  };
}

}  // namespace actors
