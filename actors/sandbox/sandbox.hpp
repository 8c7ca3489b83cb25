// One sandbox: starts and supervises its limiter, its workspace, its commands and its kernels.
//
// Owned by the sandboxes actor. Publishes the sandbox's view; puts its children's handles into the
// directory. A kernel whose restart policy gave up makes the sandbox `failed`, still there to be
// looked at; a ready kernel makes it `ready` again.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "actors/directory.hpp"
#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/supervision/child_set.hpp"

namespace actors {

/// What is shown of a sandbox whose actor has not run yet.
protocol::sandbox_view starting_view(const env& e, const protocol::sandbox_spec& spec);

class sandbox_state_impl {
 public:
  static inline const char* name = "sandbox";
  sandbox_state_impl(sandbox_actor::stateful_pointer<sandbox_state_impl> self) : self_(self) {}
  sandbox_actor::behavior_type make_behavior(const env& e, protocol::sandbox_spec spec);

 private:
  struct pending_change {
    std::vector<protocol::limit_change> what;
    caf::typed_response_promise<protocol::limits_view> answer;
  };

  void start_limiter();
  void start_workspace();
  void prepare();
  void open();
  void opened(const protocol::sandbox_opened& x);
  void settle_start();
  void start_commands();
  void start_browser();
  void start_kernel(const std::string& id);
  caf::result<protocol::kernel_view> create(const protocol::create_kernel& x);
  caf::result<protocol::done> remove(const protocol::delete_kernel& x);
  caf::result<protocol::turn_view> begin_turn(const protocol::begin_turn& x);
  caf::result<protocol::limits_view> change(protocol::change_limits& x);
  void begin_change();
  void changed(const protocol::limits_changed& x);
  void refuse_changes();
  caf::result<protocol::done> close(const protocol::close_sandbox& x);
  void stop_workloads(const protocol::close_sandbox& x);
  void leave(bool forget);
  void keep();
  void publish();

  sandbox_actor::stateful_pointer<sandbox_state_impl> self_;
  const env* env_ = nullptr;
  protocol::sandbox_spec spec_;
  std::string root_;
  protocol::sandbox_state state_ = protocol::sandbox_state::starting;
  protocol::cause why_;
  bool open_ = false;  ///< kernels may start
  directory::sandbox_handles handles_;
  std::unique_ptr<child_set> children_;
  std::vector<caf::typed_response_promise<protocol::done>> closing_;
  std::deque<pending_change> changes_;  ///< one for each client that waits
};

sandbox_actor::behavior_type sandbox(sandbox_actor::stateful_pointer<sandbox_state_impl> self,
                                     const env* e, protocol::sandbox_spec spec);

}  // namespace actors
