// A way out for workloads that have no network but their own loopback.
#pragma once

#include <string>

#include "gateways/isolation/descriptor.hpp"
#include "protocol/error.hpp"

namespace gateways {

/// Any thread. Outlives whoever launches.
class egress_gate {
 public:
  virtual ~egress_gate() = default;
  /// The socket over which the init of one workload of the sandbox sends its listener, see
  /// gateways/inside/egress.hpp. What comes from there is the sandbox's: it needs no other name.
  virtual protocol::result<descriptor> connect(const std::string& sandbox_id) = 0;
};

}  // namespace gateways
