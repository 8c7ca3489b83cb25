#include "actors/directory.hpp"

namespace actors {
namespace {

template <class Map, class Key>
auto find_in(const Map& map, const Key& key) -> typename Map::mapped_type {
  auto it = map.find(key);
  return it == map.end() ? typename Map::mapped_type{} : it->second;
}

}  // namespace

directory::sandbox_handles directory::sandbox(const std::string& id) const {
  std::shared_lock lock(mutex_);
  return find_in(sandbox_, id);
}

kernel_actor directory::kernel(const std::string& sandbox_id, const std::string& kernel_id) const {
  std::shared_lock lock(mutex_);
  return find_in(kernel_, std::pair(sandbox_id, kernel_id));
}

execution_actor directory::runner_of(const std::string& execution_id) const {
  std::shared_lock lock(mutex_);
  return find_in(execution_, execution_id);
}

void directory::put_sandbox(const std::string& id, sandbox_handles x) {
  std::unique_lock lock(mutex_);
  sandbox_.insert_or_assign(id, std::move(x));
}

void directory::put_kernel(const std::string& sandbox_id, const std::string& kernel_id,
                           kernel_actor x) {
  std::unique_lock lock(mutex_);
  kernel_.insert_or_assign({sandbox_id, kernel_id}, std::move(x));
}

void directory::put_execution(const std::string& execution_id, execution_actor x) {
  std::unique_lock lock(mutex_);
  execution_.insert_or_assign(execution_id, std::move(x));
}

void directory::erase_sandbox(const std::string& id) {
  std::unique_lock lock(mutex_);
  sandbox_.erase(id);
}

void directory::erase_kernel(const std::string& sandbox_id, const std::string& kernel_id) {
  std::unique_lock lock(mutex_);
  kernel_.erase({sandbox_id, kernel_id});
}

void directory::erase_execution(const std::string& execution_id) {
  std::unique_lock lock(mutex_);
  execution_.erase(execution_id);
}

void directory::clear() {
  std::unique_lock lock(mutex_);
  journal_ = journal_actor{};
  limiter_ = limiter_actor{};
  sandboxes_ = sandboxes_actor{};
  sandbox_.clear();
  kernel_.clear();
  execution_.clear();
}

}  // namespace actors
