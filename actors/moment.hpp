// What the world adds to a machine's event: the time, and chance.
#pragma once

#include <cstdint>

#include "protocol/execution.hpp"

namespace actors {

/// Steady time for deadlines and wall time for stamps, both in milliseconds.
struct moment {
  double steady_ms = 0;
  protocol::unix_ms wall = 0;
  std::uint64_t random = 0;
};

}  // namespace actors
