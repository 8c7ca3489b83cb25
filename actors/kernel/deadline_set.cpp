#include "actors/kernel/deadline_set.hpp"

#include <algorithm>
#include <cmath>

namespace actors {

std::optional<std::int64_t> deadline_set::set(kernel_deadline which, std::uint64_t token,
                                              std::int64_t after_ms, double now_ms) {
  entries_[static_cast<std::size_t>(which)] = {token, now_ms + static_cast<double>(after_ms)};
  return next(now_ms);
}

std::vector<kernel_event::deadline_passed> deadline_set::take_due(double now_ms) {
  if (timer_ms_ <= now_ms) timer_ms_ = 0;
  std::vector<std::pair<double, kernel_event::deadline_passed>> found;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& e = entries_[i];
    if (e.token == 0 || e.due_ms > now_ms) continue;
    found.push_back({e.due_ms, {static_cast<kernel_deadline>(i), e.token}});
    e.token = 0;
  }
  std::ranges::sort(found, {}, [](auto& x) { return x.first; });
  std::vector<kernel_event::deadline_passed> due;
  for (auto& [at, event] : found) due.push_back(event);
  return due;
}

std::optional<std::int64_t> deadline_set::next(double now_ms) {
  double earliest = 0;
  for (auto& e : entries_)
    if (e.token != 0 && (earliest == 0 || e.due_ms < earliest)) earliest = e.due_ms;
  if (earliest == 0 || (timer_ms_ > 0 && timer_ms_ <= earliest)) return {};
  timer_ms_ = earliest;
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(earliest - now_ms)));
}

}  // namespace actors
