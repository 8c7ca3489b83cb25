// Two threads for blocking work (files). Work with the same key runs in the order it was posted.
//
// Made by main, outlives all actors. Its destructor runs what was posted before it returns. Work
// must not throw; its result goes wherever the work sends it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors/env.hpp"

namespace gateways {

class blocking_pool : public actors::blocking_pool {
 public:
  explicit blocking_pool(std::size_t threads = 2);
  ~blocking_pool() override;

  void post(std::string_view key, std::function<void()> work) override;

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  /// Keys with work; the work of one that is being run stays in front until it is done.
  std::map<std::string, std::deque<std::function<void()>>, std::less<>> waiting_;
  std::deque<std::string> due_;  ///< keys of which nothing runs, in the order they came
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gateways
