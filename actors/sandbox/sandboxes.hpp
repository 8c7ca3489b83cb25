// All sandboxes of the node: makes them, expires them, makes them again after a restart.
//
// Owned by the supervisor. At its start it reads from the journal what was there, and makes the
// sandbox `default`, which is always there. Looks at ttl and idleness on its own rhythm.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/supervision/child_set.hpp"

namespace actors {

class sandboxes_state {
 public:
  static inline const char* name = "sandboxes";
  sandboxes_state(sandboxes_actor::stateful_pointer<sandboxes_state> self) : self_(self) {}
  sandboxes_actor::behavior_type make_behavior(const env& e);

 private:
  void begin(const std::vector<protocol::sandbox_spec>& kept);
  void start(protocol::sandbox_spec spec);
  caf::result<protocol::sandbox_view> create(const protocol::create_sandbox& x);
  caf::result<protocol::done> close(const std::string& id, protocol::close_sandbox how);
  caf::result<protocol::done> drain(const protocol::drain& x);
  void drained();
  void announce_created(const std::string& id);
  void look();

  sandboxes_actor::stateful_pointer<sandboxes_state> self_;
  const env* env_ = nullptr;
  std::unique_ptr<child_set> children_;
  bool draining_ = false;
  bool closed_ = false;
  std::chrono::steady_clock::time_point drain_until_;
  std::vector<caf::typed_response_promise<protocol::done>> drains_;
};

/// The limits of a sandbox that asks for none.
protocol::limits default_limits(const config::settings& settings, protocol::sandbox_mode mode);

sandboxes_actor::behavior_type sandboxes(sandboxes_actor::stateful_pointer<sandboxes_state> self,
                                         const env* e);

}  // namespace actors
