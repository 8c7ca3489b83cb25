#include "actors/limiter/limiter_machine.hpp"

namespace actors {
namespace {

std::string budget(std::uint64_t limit, std::uint64_t used) {
  auto remaining = limit > used ? limit - used : 0;
  return "{\"limit\":" + std::to_string(limit) + ",\"used\":" + std::to_string(used) +
         ",\"remaining\":" + std::to_string(remaining) + "}";
}

}  // namespace

protocol::result<void> limiter_machine::admit(const std::string& execution_id,
                                              const std::string& turn_id) {
  using protocol::error_code;
  using protocol::fault;
  auto used = steps_used_;
  if (!turn_id.empty() && turn_id != turn_id_)
    return fault{.code = error_code::turn_not_found,
                 .detail = "turn " + turn_id + " is not the current one"};
  if (rules_.steps_per_turn > 0 && used >= rules_.steps_per_turn)
    return fault{.code = error_code::step_limit,
                 .detail = std::to_string(used) + " of " + std::to_string(rules_.steps_per_turn) +
                           " steps of this turn are used, none remain",
                 .members = budget(rules_.steps_per_turn, used)};
  if (rules_.executions_max > 0 && held_.size() >= rules_.executions_max)
    return fault{.code = error_code::execution_limit,
                 .detail = std::to_string(held_.size()) + " executions run or wait on this node",
                 .members = budget(rules_.executions_max, held_.size()),
                 .retry_after_s = 1};
  if (held_.insert(execution_id).second) ++steps_used_;
  return {};
}

void limiter_machine::release(const protocol::release_execution& x) {
  if (held_.erase(x.execution_id) > 0 && x.refused && steps_used_ > 0) --steps_used_;
}

protocol::turn_view limiter_machine::begin_turn(std::string turn_id) {
  turn_id_ = std::move(turn_id);
  steps_used_ = 0;
  return {turn_id_, rules_.steps_per_turn, 0};
}

}  // namespace actors
