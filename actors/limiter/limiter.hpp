// The limiter actor of the node: admission of executions, so many at once.
//
// Owned by the supervisor. Asked by the limiters of sandboxes, told by them when an execution has
// ended. It starts empty after a restart: what ran on is not counted again, and its release is
// ignored.
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

limiter_actor::behavior_type limiter(limiter_actor::stateful_pointer<limiter_state> self,
                                     const env* e);

}  // namespace actors
