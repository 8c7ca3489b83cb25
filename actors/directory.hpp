// Who answers for what on this node: handles by id, read by gateways and by actors alike.
//
// Owned by main. Each actor that is found by name is put here by whoever starts it, and replaced
// when it is started again; a reader that meets a dead handle looks here once more. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "actors/interfaces.hpp"

namespace actors {

class directory {
 public:
  struct sandbox_handles {
    sandbox_actor sandbox;
    sandbox_limiter_actor limiter;
    workspace_actor workspace;
    commands_actor commands;
    browser_actor browser;
  };

  /// A null handle means that it is being started, or was never there.
  journal_actor journal() const { return read(journal_); }
  limiter_actor limiter() const { return read(limiter_); }
  sandboxes_actor sandboxes() const { return read(sandboxes_); }
  sandbox_handles sandbox(const std::string& id) const;
  kernel_actor kernel(const std::string& sandbox_id, const std::string& kernel_id) const;
  /// Who runs this execution now; null when it has ended or never was.
  execution_actor runner_of(const std::string& execution_id) const;

  void put(journal_actor x) { write(journal_, std::move(x)); }
  void put(limiter_actor x) { write(limiter_, std::move(x)); }
  void put(sandboxes_actor x) { write(sandboxes_, std::move(x)); }
  void put_sandbox(const std::string& id, sandbox_handles x);
  void put_kernel(const std::string& sandbox_id, const std::string& kernel_id, kernel_actor x);
  void put_execution(const std::string& execution_id, execution_actor x);
  void erase_sandbox(const std::string& id);
  void erase_kernel(const std::string& sandbox_id, const std::string& kernel_id);
  void erase_execution(const std::string& execution_id);
  /// Lets go of every handle, so that the actor system can end.
  void clear();

 private:
  template <class T>
  T read(const T& slot) const {
    std::shared_lock lock(mutex_);
    return slot;
  }
  template <class T>
  void write(T& slot, T value) {
    std::unique_lock lock(mutex_);
    std::swap(slot, value);
  }

  mutable std::shared_mutex mutex_;
  journal_actor journal_;
  limiter_actor limiter_;
  sandboxes_actor sandboxes_;
  std::map<std::string, sandbox_handles> sandbox_;
  std::map<std::pair<std::string, std::string>, kernel_actor> kernel_;
  std::unordered_map<std::string, execution_actor> execution_;
};

}  // namespace actors
