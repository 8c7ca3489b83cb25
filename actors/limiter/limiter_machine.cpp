#include "actors/limiter/limiter_machine.hpp"

namespace actors {

protocol::result<void> limiter_machine::admit(const std::string& execution_id,
                                              const std::string& turn_id, protocol::unix_ms now) {
  using protocol::error_code;
  using protocol::fault;
  if (!turn_id.empty() && turn_id != turn_id_)
    return fault{.code = error_code::turn_not_found,
                 .detail = "turn " + turn_id + " is not the current one"};
  if (held_.contains(execution_id)) return {};
  if (rules_.executions_max > 0 && held_.size() >= rules_.executions_max)
    return fault{.code = error_code::execution_limit,
                 .detail = std::to_string(held_.size()) + " executions run or wait on this node",
                 .members = budget_json(rules_.executions_max, held_.size()),
                 .retry_after_s = 1};
  auto turn = ledger_->take(now);
  if (!turn) return turn.error();
  held_.emplace(execution_id, *turn);
  return {};
}

void limiter_machine::release(const protocol::release_execution& x) {
  auto it = held_.find(x.execution_id);
  if (it == held_.end()) return;
  if (x.refused) ledger_->give_back(it->second);
  held_.erase(it);
}

void limiter_machine::change(limiter_rules rules) {
  rules_ = rules;
  ledger_->change(rules.steps_per_turn);
}

protocol::turn_view limiter_machine::begin_turn(std::string turn_id) {
  turn_id_ = std::move(turn_id);
  ledger_->begin_turn();
  return {turn_id_, rules_.steps_per_turn, 0};
}

}  // namespace actors
