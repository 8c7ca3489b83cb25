// A sink that can be cut off: after `cut` returned, the sink behind it is not called again.
//
// Shared by a port, which cuts it when it is destroyed on an actor's thread, and by its processes,
// which report on the I/O thread. Cutting waits for a call that is under way, unless that call is
// what cuts.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "actors/env.hpp"

namespace gateways {

template <class Sink>
class guarded {
 public:
  explicit guarded(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}

  template <class Call>
  void tell(Call&& call) {
    std::lock_guard lock(mutex_);
    if (auto keep = sink_) call(*keep);
  }

  void cut() {
    std::lock_guard lock(mutex_);
    sink_.reset();
  }

 private:
  std::recursive_mutex mutex_;
  std::shared_ptr<Sink> sink_;
};

using guarded_sink = guarded<actors::kernel_sink>;

}  // namespace gateways
