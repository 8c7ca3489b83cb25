// The root of the tree: starts the node's fixed children in order, restarts them by policy, stops
// them in reverse. What it starts is a table in main.cpp.
//
// One per node. When a child's policy gives up it ends itself with that error, and main ends the
// daemon: a node without its journal or its listeners is of no use.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/supervision/child_set.hpp"

namespace actors {

struct node_child {
  std::string name;
  /// Starts the actor and puts its handle where others find it.
  std::function<caf::strong_actor_ptr(caf::actor_system&)> start;
  config::restart_policy policy;
};

struct supervisor_state {
  static inline const char* name = "supervisor";
  std::unique_ptr<child_set> children;
  std::vector<std::string> order;
  caf::typed_response_promise<protocol::done> stopping;
};

supervisor_actor::behavior_type supervisor(
    supervisor_actor::stateful_pointer<supervisor_state> self, const env* e,
    std::vector<node_child> table);

}  // namespace actors
