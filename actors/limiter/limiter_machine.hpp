// Admission as pure bookkeeping: executions at once on the node, steps of a sandbox's turn.
//
// Owned by a limiter actor. Invariant: what is held equals what was admitted and not released.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/limiter/turn_ledger.hpp"
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
  explicit limiter_machine(limiter_rules rules)
      : rules_(rules), ledger_(std::make_shared<turn_ledger>(rules.steps_per_turn)) {}

  /// Refuses with execution_limit, step_limit (both with members `limit`, `used`, `remaining`) or
  /// turn_not_found. The same id twice counts once. An empty turn is the current one, if any.
  protocol::result<void> admit(const std::string& execution_id, const std::string& turn_id,
                               protocol::unix_ms now = 0);
  /// Gives the execution's slot back, and its step if it was refused; an unknown id is ignored.
  void release(const protocol::release_execution& x);
  protocol::turn_view begin_turn(std::string turn_id);
  std::uint64_t held() const noexcept { return held_.size(); }
  /// Shared with whoever else takes steps of the turn.
  const std::shared_ptr<turn_ledger>& ledger() const noexcept { return ledger_; }
  void change(limiter_rules rules);

 private:
  limiter_rules rules_;
  std::unordered_map<std::string, std::uint64_t> held_;  ///< and the ledger's turn it came in
  std::string turn_id_;
  std::shared_ptr<turn_ledger> ledger_;
};

}  // namespace actors
