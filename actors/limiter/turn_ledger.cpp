#include "actors/limiter/turn_ledger.hpp"

namespace actors {

std::string budget_json(std::uint64_t limit, std::uint64_t used) {
  auto remaining = limit > used ? limit - used : 0;
  return "{\"limit\":" + std::to_string(limit) + ",\"used\":" + std::to_string(used) +
         ",\"remaining\":" + std::to_string(remaining) + "}";
}

protocol::result<std::uint64_t> turn_ledger::take(protocol::unix_ms now) {
  std::lock_guard lock(mutex_);
  if (steps_max_ == 0 || steps_used_ < steps_max_) {
    ++steps_used_;
    return turn_;
  }
  last_refusal_ = {now, static_cast<double>(steps_used_), "refused"};
  return protocol::fault{.code = protocol::error_code::step_limit,
                         .detail = std::to_string(steps_used_) + " of " +
                                   std::to_string(steps_max_) +
                                   " steps of this turn are used, none remain",
                         .members = budget_json(steps_max_, steps_used_)};
}

void turn_ledger::give_back(std::uint64_t turn) {
  std::lock_guard lock(mutex_);
  if (turn == turn_ && steps_used_ > 0) --steps_used_;
}

void turn_ledger::begin_turn() {
  std::lock_guard lock(mutex_);
  ++turn_;
  steps_used_ = 0;
}

void turn_ledger::change(std::uint64_t steps_max) {
  std::lock_guard lock(mutex_);
  steps_max_ = steps_max;
}

std::uint64_t turn_ledger::steps_used() const {
  std::lock_guard lock(mutex_);
  return steps_used_;
}

std::uint64_t turn_ledger::steps_max() const {
  std::lock_guard lock(mutex_);
  return steps_max_;
}

protocol::refusal turn_ledger::last_refusal() const {
  std::lock_guard lock(mutex_);
  return last_refusal_;
}

}  // namespace actors
