// A way out for workloads that have no network but their own loopback, see
// gateways/inside/doors.hpp.
#pragma once

#include <string>

#include "gateways/isolation/descriptor.hpp"
#include "protocol/error.hpp"

namespace gateways {

/// Any thread. Outlives whoever launches.
class gate {
 public:
  virtual ~gate() = default;
  /// The socket over which the init of one workload of the sandbox sends its listener. What comes
  /// from there is the sandbox's: it needs no other name.
  virtual protocol::result<descriptor> connect(const std::string& sandbox_id) = 0;
};

/// Borrowed; null: there is no such way.
struct gates {
  gate* egress = nullptr;  ///< to other hosts
  gate* store = nullptr;   ///< into `.store/`
};

/// For who implements one: our end of the socket, and the end that `connect` gives.
struct gate_channel {
  descriptor ours, theirs;
};
protocol::result<gate_channel> open_gate_channel();

/// The listener in the init's packet; none: it has ended, or it sent something else.
descriptor receive_listener(int from);

}  // namespace gateways
