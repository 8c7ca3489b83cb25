// The daemon's side of `.store/`: adds the records that programs in sandboxes send, on a thread of
// its own, and lets the disk's work be done by a pool.
//
// Made by main before anything is launched, outlives all workloads. A program can add to the store
// of its own sandbox and do nothing else to it: whose a record is follows from the listener it came
// through. Bounds: connections of one workload, one record at a time of each; beyond, they wait in
// the listener's backlog. Records of one sandbox are added one after the other, and in order with
// what clients write there.
#pragma once

#include <memory>
#include <string>

#include "actors/env.hpp"
#include "actors/views.hpp"
#include "gateways/isolation/gate.hpp"

namespace gateways {

class store_gate : public gate {
 public:
  /// `pool` is the one that clients' writes run on. Both outlive this.
  store_gate(const actors::node_views& views, actors::blocking_pool& pool);
  ~store_gate() override;

  protocol::result<descriptor> connect(const std::string& sandbox_id) override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

}  // namespace gateways
