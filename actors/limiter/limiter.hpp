// The limiter actor: admission of the node, or of one sandbox, which then asks the node's.
//
// The node's is owned by the supervisor, a sandbox's by its sandbox. Asked by whoever brings an
// execution, told by the kernel when it ended. It starts empty after a restart: what ran on is not
// counted again, and its release is ignored.
#pragma once

#include <caf/typed_event_based_actor.hpp>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/limiter/limiter_machine.hpp"

namespace actors {

struct limiter_state {
  static inline const char* name = "limiter";
  limiter_machine machine{{}};
};

/// `asks_node`: what this limiter admits is also asked of the node's.
limiter_actor::behavior_type limiter(limiter_actor::stateful_pointer<limiter_state> self,
                                     const env* e, limiter_rules rules, bool asks_node);

}  // namespace actors
