// A machine's deadlines, or those of several machines, on as few timers as possible.
//
// Pure; owned by the kernel or the commands actor. Most deadlines never pass, and a timer for each
// would wake the clock several times an execution. So a timer is asked for only when none that is
// set goes off early enough; when it does, what is due is taken and the next one is asked for.
// Invariant: of no deadline more than its last setting is told, once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace actors {

template <class Key>
class deadline_set {
 public:
  struct passed {
    Key which;
    std::uint64_t token;
  };

  /// Milliseconds until the timer that must be set now; empty: one that is set comes in time.
  std::optional<std::int64_t> set(const Key& which, std::uint64_t token, std::int64_t after_ms,
                                  double now_ms) {
    entries_[which] = {token, now_ms + static_cast<double>(after_ms)};
    return next(now_ms);
  }

  /// It is not told any more; a timer that was set for it stays.
  void drop(const Key& which) { entries_.erase(which); }

  /// A timer went off: takes what is due, the earliest first.
  std::vector<passed> take_due(double now_ms) {
    timers_ms_.erase(timers_ms_.begin(), timers_ms_.upper_bound(now_ms));
    std::vector<std::pair<double, passed>> found;
    std::erase_if(entries_, [&](auto& item) {
      auto& [which, e] = item;
      if (e.due_ms > now_ms) return false;
      found.push_back({e.due_ms, {which, e.token}});
      return true;
    });
    std::ranges::stable_sort(found, {}, [](auto& x) { return x.first; });
    std::vector<passed> due;
    for (auto& [at, what] : found) due.push_back(std::move(what));
    return due;
  }

  /// As for `set`, after `take_due` and its consequences.
  std::optional<std::int64_t> next(double now_ms) {
    auto first = std::ranges::min_element(entries_, {}, [](auto& x) { return x.second.due_ms; });
    if (first == entries_.end()) return {};
    auto earliest = first->second.due_ms;
    if (!timers_ms_.empty() && *timers_ms_.begin() <= earliest) return {};
    timers_ms_.insert(earliest);
    return std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(earliest - now_ms)));
  }

 private:
  struct entry {
    std::uint64_t token = 0;
    double due_ms = 0;
  };
  std::map<Key, entry> entries_;
  std::set<double> timers_ms_;  ///< when those that are set go off
};

}  // namespace actors
