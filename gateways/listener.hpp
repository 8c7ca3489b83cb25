// The HTTP listener as a child of the supervisor: starting the actor binds the port, its end
// closes it. Detached, because closing waits for answers that are being written.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <memory>

#include "actors/interfaces.hpp"
#include "gateways/http/server.hpp"

namespace gateways {

struct listener_state {
  static inline const char* name = "http";
  std::unique_ptr<http_server> server;
  ~listener_state();
};

/// `open` makes the server; its exception ends the actor, which its supervisor takes as a death.
actors::listener_actor::behavior_type listener(
    actors::listener_actor::stateful_pointer<listener_state> self,
    std::function<std::unique_ptr<http_server>()> open);

}  // namespace gateways
