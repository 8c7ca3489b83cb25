// Sweeps for a host on a thread of its own, since a look at all processes takes milliseconds.
//
// Owned by the host. However many entries come while it looks, the next sweep is for all of them:
// at most one runs and one waits. Called from any thread.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <mutex>
#include <string>

#include "gateways/process/sweep.hpp"

namespace gateways {

class sweeper {
 public:
  void sweep(std::string entry);
  /// Ends the thread, after the sweep that runs and the one that waits.
  void join() { thread_.join(); }

 private:
  void sweep_all();

  std::mutex mutex_;
  environment_entries waiting_;  ///< not empty: a sweep is on its way to take them
  boost::asio::thread_pool thread_{1};
};

}  // namespace gateways
