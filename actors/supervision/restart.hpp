// Whether, and after how long, a child that died is started again: pure functions of policy,
// history, cause, time and a random number. The kernel machine and the supervisors use them.
#pragma once

#include <cstdint>
#include <deque>
#include <variant>

#include "config/config.hpp"

namespace actors {

/// The recent deaths of one child, on the steady clock in milliseconds.
struct restart_history {
  std::deque<std::int64_t> deaths;
  std::uint64_t streak = 0;  ///< deaths in a row without a stable time between them
};

struct restart_after {
  std::int64_t wait_ms = 0;
};
struct give_up {};
using restart_decision = std::variant<restart_after, give_up>;

/// Decides on a death at `now_ms` of a child that had been up for `up_ms` (0: never became ready).
/// Invariant: between two deaths that are `window_ms` apart or less, at most `max_restarts`
/// restarts are granted, unless a stable time lay between. `random` is any 64-bit number.
restart_decision decide(const config::restart_policy& policy, restart_history& history,
                        bool abnormal, std::int64_t up_ms, std::int64_t now_ms,
                        std::uint64_t random);

}  // namespace actors
