#include "gateways/process/blocking_pool.hpp"

#include <utility>

#include "gateways/process/signals.hpp"

namespace gateways {

blocking_pool::blocking_pool(std::size_t threads) {
  all_signals_blocked in_new_threads;
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

blocking_pool::~blocking_pool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& t : threads_) t.join();
}

void blocking_pool::post(std::string_view key, std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    auto& queue = waiting_[std::string(key)];
    queue.push_back(std::move(work));
    if (queue.size() > 1) return;  // its turn comes when what is before it is done
    due_.emplace_back(key);
  }
  changed_.notify_one();
}

void blocking_pool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !due_.empty() || (stopping_ && waiting_.empty()); });
    if (due_.empty()) return;
    auto key = std::move(due_.front());
    due_.pop_front();
    auto item = waiting_.find(key);
    auto work = std::move(item->second.front());
    lock.unlock();
    work();
    work = nullptr;  // what it holds is let go of outside the lock
    lock.lock();
    item->second.pop_front();
    if (item->second.empty())
      waiting_.erase(item);
    else
      due_.push_back(std::move(key));
    changed_.notify_all();
  }
}

}  // namespace gateways
