#include "gateways/process/sweeper.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace gateways {

void sweeper::sweep(std::string entry) {
  std::lock_guard lock(mutex_);
  bool first = waiting_.empty();
  waiting_.insert(std::move(entry));
  if (first) boost::asio::post(thread_, [this] { sweep_all(); });
}

void sweeper::sweep_all() {
  environment_entries entries;
  {
    std::lock_guard lock(mutex_);
    entries.swap(waiting_);
  }
  kill_by_environment(entries);
}

}  // namespace gateways
