// What the operating system holds for each sandbox: a user of its own and a control group.
//
// Made by main; actors reach it as `actors::sandbox_host`. A box is open from when its sandbox is
// made until it is closed, which ends all that still runs in it. Thread-safe. Invariants: no two
// open boxes share a user; a workspace keeps its user over restarts of the daemon.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/env.hpp"
#include "config/config.hpp"
#include "gateways/isolation/control_groups.hpp"

namespace gateways {

struct box {
  std::optional<unsigned> uid;           ///< none: the daemon's own
  std::unique_ptr<control_group> group;  ///< null: there are no control groups
  bool read_only_workspace = false;      ///< mode chat
};

class boxes : public actors::sandbox_host {
 public:
  /// `groups` null: there are none to use. `own_users`: each sandbox gets a user of its own.
  boxes(const config::isolation_options& options, const control_groups* groups, bool own_users);

  protocol::result<void> open(const protocol::sandbox_spec& spec,
                              const std::string& workspace) override;
  void close(const std::string& sandbox_id) override;

  /// Null: not open. What is found stays valid also when it is closed meanwhile.
  std::shared_ptr<const box> find(const std::string& sandbox_id) const;

 private:
  protocol::result<unsigned> user_of(const std::string& workspace);
  bool ours(unsigned uid) const;
  bool taken(unsigned uid) const;

  const config::isolation_options& options_;
  const control_groups* const groups_;
  const bool own_users_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<box>> open_;
};

}  // namespace gateways
