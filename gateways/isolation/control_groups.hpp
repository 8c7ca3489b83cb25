// The operating system's control groups, v2 or v1: one group a sandbox, below one of the daemon's.
//
// Found and tried once at start; where they cannot be had, `missing` says why. A group is written
// and read by short files of the kernel's, from any thread, one at a time for each group; nothing
// here blocks for long but `remove`. Invariant: a group that was made is removed by its destructor,
// with all that runs in it, unless it was before.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/isolation/descriptor.hpp"
#include "protocol/error.hpp"
#include "protocol/limits.hpp"
#include "protocol/sandbox.hpp"

namespace gateways {

/// Where the daemon's own group lies: one folder (v2), or one for each controller (v1).
struct group_place {
  bool v2 = false;
  std::map<std::string, std::string> folders;  ///< controller -> folder; v2: all the same one
};

/// From the texts of /proc/self/cgroup and /proc/self/mountinfo. v2 is preferred if its node has
/// the controllers `memory` and `pids`, which `controllers_of(folder)` tells.
group_place place_of(std::string_view self_cgroup, std::string_view mountinfo,
                     const std::function<std::string(const std::string&)>& controllers_of);

/// What the system refused or ended at a limit, ever.
struct refusals {
  std::uint64_t memory_kills = 0;  ///< processes killed at the memory limit
  std::uint64_t processes = 0;     ///< forks refused at the process limit
};

class control_group {
 public:
  control_group(group_place where, std::string name) : where_(std::move(where)), name_(name) {}
  ~control_group() { remove(); }
  control_group(const control_group&) = delete;
  control_group& operator=(const control_group&) = delete;

  /// The files to which a process writes "0" to join.
  std::vector<std::string> join_files() const;
  refusals refused() const;
  /// What it holds now; takes some tenths of a millisecond.
  protocol::sandbox_usage usage() const;
  /// Of all that ran in it; -1: the system does not count it.
  double cpu_ms() const;
  /// The most memory it ever held, file pages included.
  std::uint64_t memory_peak_bytes() const;
  std::vector<int> processes() const;
  /// Refused with the file that did not take its value.
  protocol::result<void> set_limits(const protocol::limits& l);
  /// SIGKILL to everything in it, and the group is gone; its name may be another's from then on.
  void remove();

 private:
  friend class control_groups;
  std::vector<std::string> folders() const;
  std::string file(std::string_view controller, std::string_view name) const;
  bool has(std::string_view controller) const;
  protocol::result<void> set_limits_v1(const protocol::limits& l);
  protocol::result<void> set_limits_v2(const protocol::limits& l);

  void kill() const;
  void open_cpu_file();

  group_place where_;
  std::string name_;
  descriptor cpu_file_;  ///< read twice an execution; none: the system does not count it
  bool removed_ = false;
};

class control_groups {
 public:
  /// Looks for them and tries them: makes a group, sets limits, removes it. `instance` names the
  /// daemon's own group, of which anything left by an earlier daemon is removed, with its
  /// processes.
  explicit control_groups(const std::string& instance);
  ~control_groups();
  control_groups(const control_groups&) = delete;
  control_groups& operator=(const control_groups&) = delete;

  /// Empty: they can be used.
  const std::string& missing() const { return missing_; }
  /// "cgroup v2" or "cgroup v1", with its controllers.
  std::string describe() const;
  protocol::result<std::unique_ptr<control_group>> make(const std::string& name,
                                                        const protocol::limits& l) const;

 private:
  protocol::result<void> begin(const std::string& instance);
  protocol::result<std::string> node_for(const std::string& own, bool with_cpu);
  protocol::result<void> step_aside(const std::string& node);
  void step_back();
  bool has_cpu() const;

  group_place own_;   ///< the daemon's own group, in which those of sandboxes are made
  std::string left_;  ///< v2: the node in whose leaf the daemon is; empty: it is where it began
  std::string missing_;
};

}  // namespace gateways
