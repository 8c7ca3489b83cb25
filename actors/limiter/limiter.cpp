#include "actors/limiter/limiter.hpp"

#include "actors/directory.hpp"
#include "actors/errors.hpp"
#include "protocol/id.hpp"

namespace actors {

limiter_actor::behavior_type limiter(limiter_actor::stateful_pointer<limiter_state> self,
                                     const env* e, limiter_rules rules, bool asks_node) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  self->state.machine = limiter_machine(rules);
  return {
      [self, e, asks_node](execution_request& x, const execution_actor& runner,
                           const follower_actor& to) -> caf::result<execution_record> {
        // Turns are the sandbox's own.
        auto in = self->state.machine.admit(x.id, asks_node ? x.turn_id : "");
        if (!in) return to_error(in.error());
        auto node = asks_node ? e->handles.limiter() : limiter_actor{};
        if (node) return self->delegate(node, std::move(x), runner, to);
        return self->delegate(runner, std::move(x), to);
      },
      [self, e, asks_node](const release_execution& x) {
        self->state.machine.release(x);
        if (auto node = asks_node ? e->handles.limiter() : limiter_actor{}) self->send(node, x);
      },
      [self, e](const begin_turn&) {
        return self->state.machine.begin_turn(make_id("trn_", e->random.next(), e->random.next()));
      },
  };
}

}  // namespace actors
