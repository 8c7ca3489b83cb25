// What the operating system holds for each sandbox: a user of its own and a control group, or at
// least which processes are its own; and what it uses.
//
// Made by main; actors reach it as `actors::sandbox_host`. A box is open from when its sandbox is
// made until it is closed, which ends all that still runs in it. Thread-safe. Invariants: no two
// open boxes share a user; a workspace keeps its user over restarts of the daemon.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "actors/env.hpp"
#include "config/config.hpp"
#include "gateways/isolation/control_groups.hpp"
#include "gateways/isolation/process_table.hpp"

namespace gateways {

/// Which deaths the memory limit accounts for: the system counts its kills, but does not say whom.
/// Invariant: a kill is claimed by at most one dead process.
class memory_kills {
 public:
  /// A process died by SIGKILL that nobody here sent; `counted` was read after its end.
  bool claim(std::uint64_t counted);
  /// What was counted at the settlement before and never claimed hit processes of others.
  void settle(std::uint64_t counted);

 private:
  std::uint64_t claimed_ = 0;
  std::uint64_t settled_ = 0;
};

/// Changed and asked by any thread.
class box {
 public:
  std::optional<unsigned> uid;           ///< none: the daemon's own
  std::unique_ptr<control_group> group;  ///< null: there are no control groups
  bool read_only_workspace = false;      ///< mode chat
  std::string workspace;

  /// `pid` is our child, from which all processes of a kernel or a command descend; until it is
  /// reaped. `name` is the id of what was started.
  void began(int pid, const std::string& name);
  void over(int pid);
  std::map<int, std::string> roots() const;
  /// Whether what the group counts is of one kernel alone: nothing else was ever started in it.
  bool of_one() const;
  /// A process died by SIGKILL, not ours: the memory that was used if the limit was why, else 0.
  std::uint64_t claim_memory_kill();
  void settle_memory_kills(std::uint64_t counted);
  protocol::limits limit() const;
  void hold_to(const protocol::limits& l);

 private:
  mutable std::mutex mutex_;
  protocol::limits limit_;
  std::map<int, std::string> roots_;
  std::set<std::string> names_;  ///< of all that was ever started; two are as good as many
  memory_kills kills_;
  std::chrono::steady_clock::time_point settled_at_;
};

/// Gives the user a folder with all that is in it, but for the zones of a workspace that a sandbox
/// may only read. What is the user's already stays as it is.
protocol::result<void> give_folder(const std::string& folder, unsigned uid);

/// The annex of a sandbox's browser.
inline constexpr const char* browser_annex = "browser";

class boxes : public actors::sandbox_host {
 public:
  /// `groups` null: there are none to use. `own_users`: each sandbox gets a user of its own.
  boxes(const config::isolation_options& options, const control_groups* groups, bool own_users);

  protocol::result<void> open(const protocol::sandbox_spec& spec,
                              const std::string& workspace) override;
  protocol::result<void> change(const std::string& sandbox_id,
                                const protocol::limits& limit) override;
  protocol::sandbox_usage look(const std::string& sandbox_id, actors::look_order order) override;
  void close(const std::string& sandbox_id) override;

  /// One more for an open sandbox, of the same user and with limits of its own: for its browser.
  /// `name`: one of a kind in the sandbox. It is closed with the last that holds it.
  protocol::result<std::shared_ptr<box>> annex(const std::string& sandbox_id,
                                               const std::string& name,
                                               const protocol::limits& limit);

  /// Null: not open. What is found stays valid also when it is closed meanwhile.
  std::shared_ptr<box> find(const std::string& sandbox_id) const;

 private:
  protocol::sandbox_usage count(const box& in, std::uint64_t exact_above,
                                std::vector<int>& processes);
  std::shared_ptr<const process_table> table();
  protocol::result<unsigned> user_of(const std::string& workspace);
  bool ours(unsigned uid) const;
  bool taken(unsigned uid) const;
  std::int64_t browser_memory(const std::string& sandbox_id) const;

  const config::isolation_options& options_;
  const control_groups* const groups_;
  const bool own_users_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<box>> open_;
  std::map<std::string, std::weak_ptr<const box>> browsers_;  ///< by sandbox
  std::mutex table_mutex_;
  std::shared_ptr<const process_table> table_;  ///< of the system, as of a moment ago
};

}  // namespace gateways
