// Starts workloads from a containment: the one place that does.
//
// Made by main. `launch` is called on one thread that lives as long as the daemon, since what it
// starts dies with the thread that started it. What the machine offers is found once, at start: a
// protection is used by every workload or by none, and `protections` says which and why.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "actors/views.hpp"
#include "config/config.hpp"
#include "gateways/isolation/boxes.hpp"
#include "gateways/isolation/containment.hpp"
#include "gateways/isolation/descriptor.hpp"

namespace gateways {

/// One wall: there, or missing with the reason and what to do about it.
struct protection {
  std::string name;
  bool present = false;
  std::string detail;                                  ///< how it is had, or why it is missing
  std::string remedy;                                  ///< when missing: what would bring it
  isolation_level from = isolation_level::namespaces;  ///< the first level that uses it
};

/// What was started. The caller owns the descriptors (none blocks) and reaps the process.
struct launched {
  int pid = 0;      ///< our child: bubblewrap, or the init
  int pidfd = -1;   ///< of that child
  int report = -1;  ///< the init's socket, see gateways/inside/report.hpp; also its lifeline
  int status = -1;  ///< bubblewrap tells the number of the first process inside; -1: no bubblewrap
};

class launcher {
 public:
  /// Throws std::runtime_error when `isolation.require` names what the machine does not offer, or
  /// `isolation.level` what cannot be had.
  launcher(const config::isolation_options& options, const std::string& instance);

  isolation_level level() const { return level_; }
  /// Whether workloads have a file system of their own.
  bool mounts() const { return level_ >= isolation_level::namespaces; }
  /// Empty when nothing but the level `none` is asked for: then nothing is tried out.
  const std::vector<protection>& protections() const { return protections_; }
  actors::isolation_view in_force() const;
  boxes& sandboxes() { return *boxes_; }

  protocol::result<launched> launch(const containment& c, const box& in) const;

 private:
  class start;
  int filter(filter_kind kind) const { return filters_[static_cast<std::size_t>(kind)].get(); }
  bool examine(const std::string& instance);
  bool examine_filter();
  void examine_landlock();
  bool examine_users();
  bool examine_groups();
  bool examine_namespaces(bool own_users);
  bool closes_in() const { return level_ == isolation_level::process && landlock_; }
  void choose_level(isolation_level best);
  void check_required() const;

  const config::isolation_options& options_;
  std::unique_ptr<control_groups> groups_;  ///< null: nothing was examined
  std::unique_ptr<boxes> boxes_;
  isolation_level level_ = isolation_level::none;
  std::vector<protection> protections_;
  descriptor init_;  ///< its program, sealed
  std::array<descriptor, 2> filters_;
  bool landlock_ = false;  ///< can be had
};

}  // namespace gateways
