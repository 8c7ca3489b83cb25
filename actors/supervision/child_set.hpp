// The children of one supervising actor: watched, started again by policy, shown in the tree.
//
// Owned by the state of the actor that supervises, and used from its handlers only. It sets that
// actor's down handler. What a child is made from is its factory, which also puts the new handle
// where others find it. A child that ends with reason normal or user_shutdown was asked to.
#pragma once

#include <caf/scheduled_actor.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/supervision/restart.hpp"

namespace actors {

struct child_spec {
  std::string name;
  std::function<caf::strong_actor_ptr()> start;
  config::restart_policy policy;
};

class child_set {
 public:
  /// `path` is the supervisor's own place in the tree. `exhausted` hears of a child whose policy
  /// gave up.
  child_set(caf::scheduled_actor* self, const env& e, std::string path,
            std::function<void(const std::string& name, const protocol::cause&)> exhausted);
  /// Children do not outlive their supervisor: what it leaves behind is told to go.
  ~child_set();
  child_set(const child_set&) = delete;
  child_set& operator=(const child_set&) = delete;

  void start(child_spec spec);
  /// Starts a child whose wait is over.
  void restart(const std::string& name);
  /// Asks a child to go; `gone` is called when it has, also when it was not there.
  void stop(const std::string& name, std::function<void()> gone);
  /// `gone` is called when the child, which goes by itself, has gone; also when it was not there.
  void when_gone(const std::string& name, std::function<void()> gone);
  bool has(const std::string& name) const { return children_.contains(name); }

 private:
  struct child {
    child_spec spec;
    caf::strong_actor_ptr ptr;
    restart_history history;
    std::uint64_t generation = 1;
    std::uint64_t restarts = 0;
    double started_ms = 0;
    protocol::cause last_cause;
    std::vector<std::function<void()>> gone;
  };
  void run(child& c);
  void leave(std::map<std::string, child>::iterator it);
  void on_down(const caf::down_msg& dm);
  void died(child& c, const caf::error& reason);
  void publish(const child& c, std::string state) const;
  double steady_ms() const;

  caf::scheduled_actor* self_;
  const env& env_;
  std::string path_;
  std::function<void(const std::string&, const protocol::cause&)> exhausted_;
  std::map<std::string, child> children_;
};

}  // namespace actors
