// The daemon between ready and its end: what the main thread does while the others work.
//
// Waits for signals. SIGINT or SIGTERM drains: new work is refused, what runs has `node.drain_ms`;
// a second one ends at once. Then the supervisor stops its children in reverse order.
#pragma once

#include <chrono>
#include <csignal>

#include <caf/actor_system.hpp>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "gateways/announce.hpp"

namespace gateways {

/// Returns the program's exit code once nothing runs any more. `began`: when the program started.
int live(caf::actor_system& sys, actors::env& e, actors::supervisor_actor root,
         const sigset_t& signals, const data_dir& dir, readiness& ready,
         std::chrono::steady_clock::time_point began);

}  // namespace gateways
