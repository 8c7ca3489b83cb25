// The forward proxy through which sandboxes reach other hosts, on one thread of its own.
//
// Made by main before anything is launched, outlives all workloads. Each workload has a listener in
// its own network namespace; its init sends it here, so whose a connection is follows from where it
// was accepted. The policy is asked before a name is resolved and for each address that it has.
// Bounds: connections of one sandbox, and of all by what files the daemon may open; beyond, they
// wait in the listener's backlog; and the bytes of one sandbox, whose count the views keep as long
// as it lives. When a workload ends, so do its connections.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/views.hpp"
#include "config/config.hpp"
#include "gateways/isolation/gate.hpp"

namespace gateways {

class egress_proxy : public gate {
 public:
  /// Gets the data of an event `egress_refused`. Called on the proxy's thread; must not block.
  using refusal_teller = std::function<void(std::string data)>;

  egress_proxy(const config::egress_options& options, actors::egress_of whose,
               actors::node_views& views, refusal_teller tell);
  /// Cuts what is left.
  ~egress_proxy() override;

  protocol::result<descriptor> connect(const std::string& sandbox_id) override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

}  // namespace gateways
