// The scheduler of a node: CAF's work sharing, but for actors that a thread with a `run_here`
// wakes.
#pragma once

#include <caf/policy/work_sharing.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace actors {

class here_first : public caf::scheduler::coordinator<caf::policy::work_sharing> {
 public:
  using super = caf::scheduler::coordinator<caf::policy::work_sharing>;
  using super::super;

  /// As CAF asks of a module.
  static caf::actor_system::module* make(caf::actor_system& sys, caf::detail::type_list<>);
  /// Whichever thread calls.
  void to_workers(caf::resumable* job) { super::enqueue(job); }

 protected:
  void enqueue(caf::resumable* job) override;
};

}  // namespace actors
