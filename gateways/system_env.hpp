// The real clock and the real chance of `actors::env`. Any thread.
#pragma once

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include "actors/env.hpp"

namespace gateways {

class system_clock final : public actors::wall_clock {
 public:
  protocol::unix_ms now() const override {
    auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }
};

/// The operating system's, since ids must not be guessed; some at a time.
class system_random final : public actors::random_source {
 public:
  std::uint64_t next() override {
    std::lock_guard lock(mutex_);
    // So few bytes come whole, once the system has any.
    while (left_ == 0)
      if (::getrandom(pool_.data(), sizeof pool_, 0) == sizeof pool_) left_ = pool_.size();
    return std::exchange(pool_[--left_], 0);
  }

 private:
  std::mutex mutex_;
  std::array<std::uint64_t, 32> pool_{};
  std::size_t left_ = 0;
};

}  // namespace gateways
