// The client port on real actors: each call becomes a short-lived actor that asks, follows and
// answers. See client_port.hpp for what sessions see of it.
#pragma once

#include <caf/actor_system.hpp>
#include <memory>

#include "actors/env.hpp"
#include "gateways/client_port.hpp"

namespace gateways {

/// Both outlive the port; calls that are under way end by their timeouts.
std::unique_ptr<client_port> make_actor_port(caf::actor_system& system, const actors::env& e);

}  // namespace gateways
