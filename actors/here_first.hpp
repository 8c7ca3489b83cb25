// The scheduler of a node: CAF's work sharing, but for actors that a thread with a `run_here`
// wakes, and with a clock that sleeps until something is due.
#pragma once

#include <caf/policy/work_sharing.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <thread>

#include "actors/quiet_clock.hpp"

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
  void start() override;
  void stop() override;
  void enqueue(caf::resumable* job) override;
  quiet_clock& clock() noexcept override { return clock_; }

 private:
  quiet_clock clock_;
  std::thread clock_thread_;
};

}  // namespace actors
