#include "actors/supervision/restart.hpp"

#include <algorithm>

namespace actors {
namespace {

std::int64_t backoff(const config::restart_policy& policy, std::uint64_t streak,
                     std::uint64_t random) {
  if (streak <= 1) return 0;  // the first restart in a row is at once
  auto doublings = std::min<std::uint64_t>(streak - 2, 30);
  auto wait = std::min(policy.backoff_max_ms, policy.backoff_min_ms << doublings);
  auto share = static_cast<double>(random >> 11) / static_cast<double>(1ULL << 53);
  return wait + static_cast<std::int64_t>(policy.jitter * share * static_cast<double>(wait));
}

}  // namespace

restart_decision decide(const config::restart_policy& policy, restart_history& history,
                        bool abnormal, std::int64_t up_ms, std::int64_t now_ms,
                        std::uint64_t random) {
  using config::restart_on;
  if (policy.on == restart_on::never || (policy.on == restart_on::abnormal && !abnormal))
    return give_up{};
  if (up_ms > 0 && up_ms >= policy.stable_after_ms) history = {};
  while (!history.deaths.empty() && now_ms - history.deaths.front() > policy.window_ms)
    history.deaths.pop_front();
  if (history.deaths.size() >= policy.max_restarts) return give_up{};
  history.deaths.push_back(now_ms);
  return restart_after{backoff(policy, ++history.streak, random)};
}

}  // namespace actors
