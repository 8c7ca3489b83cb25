// The real clock and the real chance of `actors::env`. Any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <random>

#include "actors/env.hpp"

namespace gateways {

class system_clock final : public actors::wall_clock {
 public:
  protocol::unix_ms now() const override {
    auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }
};

/// The operating system's, since ids must not be guessed.
class system_random final : public actors::random_source {
 public:
  std::uint64_t next() override {
    std::lock_guard lock(mutex_);
    return (static_cast<std::uint64_t>(source_()) << 32) | source_();
  }

 private:
  std::mutex mutex_;
  std::random_device source_;
};

}  // namespace gateways
