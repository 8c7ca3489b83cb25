// The kernel machine's deadlines on as few timers as possible.
//
// Pure; owned by the kernel actor. Most deadlines never pass, and a timer for each would wake the
// clock several times an execution. So a timer is asked for only when none that is set goes off
// early enough; when it does, what is due is taken and the next one is asked for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "actors/kernel/kernel_machine.hpp"

namespace actors {

class deadline_set {
 public:
  /// Milliseconds until the timer that must be set now; empty: one that is set comes in time.
  std::optional<std::int64_t> set(kernel_deadline which, std::uint64_t token, std::int64_t after_ms,
                                  double now_ms);

  /// A timer went off: takes what is due, the earliest first.
  std::vector<kernel_event::deadline_passed> take_due(double now_ms);

  /// As for `set`, after `take_due` and its consequences.
  std::optional<std::int64_t> next(double now_ms);

 private:
  struct entry {
    std::uint64_t token = 0;  ///< 0: not set
    double due_ms = 0;
  };
  std::array<entry, kernel_deadlines> entries_{};
  double timer_ms_ = 0;  ///< when the earliest timer goes off; 0: none is set
};

}  // namespace actors
