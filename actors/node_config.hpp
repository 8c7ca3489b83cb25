// The actor system's configuration: message types, the error category, how the scheduler waits.
//
// Made by main and by every test that runs actors. Policy `sharing` is what keeps an idle node
// idle: CAF's default, work stealing, polls.
#pragma once

#include <caf/actor_system_config.hpp>
#include <cstddef>

namespace actors {

class node_config : public caf::actor_system_config {
 public:
  /// `threads` 0: one for every four processors, at least one. Actors take about a tenth of the
  /// time that the kernels they serve take, and a thread that is woken costs more than it does.
  explicit node_config(std::size_t threads = 0);
};

}  // namespace actors
