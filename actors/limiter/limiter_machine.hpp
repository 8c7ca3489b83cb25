// Admission as pure bookkeeping: executions at once on the node, steps of a sandbox's turn.
//
// Owned by a limiter actor. Invariant: what is held equals what was admitted and not released.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include "protocol/commands.hpp"
#include "protocol/error.hpp"

namespace actors {

/// 0 means without limit.
struct limiter_rules {
  std::uint64_t executions_max = 0;
  std::uint64_t steps_per_turn = 0;
};

class limiter_machine {
 public:
  explicit limiter_machine(limiter_rules rules) : rules_(rules) {}

  /// Refuses with execution_limit, step_limit (both with members `limit`, `used`, `remaining`) or
  /// turn_not_found. The same id twice counts once. An empty turn is the current one, if any.
  protocol::result<void> admit(const std::string& execution_id, const std::string& turn_id);
  /// Gives the execution's slot back, and its step if it was refused; an unknown id is ignored.
  void release(const protocol::release_execution& x);
  protocol::turn_view begin_turn(std::string turn_id);
  std::uint64_t held() const noexcept { return held_.size(); }
  std::uint64_t steps_used() const noexcept { return steps_used_; }
  void change(limiter_rules rules) { rules_ = rules; }

 private:
  limiter_rules rules_;
  std::unordered_set<std::string> held_;
  std::string turn_id_;
  std::uint64_t steps_used_ = 0;
};

}  // namespace actors
