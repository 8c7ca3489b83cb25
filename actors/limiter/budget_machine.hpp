// The budgets of one sandbox: what a look at its use means, and what is done about it.
//
// Pure. Owned by the sandbox's limiter, which looks when told to and carries out what comes of it.
// The system holds what it can by itself, and is only asked what it refused; what it cannot hold
// (the workspace's files together, memory without a control group) is watched here, and is the
// softer for it: between two looks a workload may go beyond.
// Invariants: a rise of a counter is told once; while the workspace is over its limit, executions
// are refused and those that run are ended; a workload that then goes on writing is killed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/env.hpp"
#include "protocol/commands.hpp"
#include "protocol/error.hpp"
#include "protocol/limits.hpp"

namespace actors {

/// Something was refused or ended at a limit.
struct limit_hit {
  std::string limit;  ///< its name at the edge
  double measure = 0;
  double of = 0;            ///< the limit
  std::uint64_t times = 1;  ///< since the look before
  std::string action;       ///< "refused", "interrupted" or "killed"
};

/// The event's data.
std::string to_json(const limit_hit& x, std::string_view sandbox_id);

struct look_outcome {
  std::vector<limit_hit> hits;
  std::vector<protocol::limit_exceeded> orders;  ///< for whom they name
  bool sooner = false;  ///< it no longer rests, so the next look is due sooner
};

class budget_machine {
 public:
  budget_machine(protocol::limits limit, std::int64_t watch_ms);

  void change(const protocol::limits& limit);
  /// An execution was let in. True: nobody was watching, so the next look is due sooner.
  bool began();
  std::int64_t next_look_ms() const;
  /// What the next look by the clock finds out.
  look_order by_clock(double steady_ms) const;
  /// The same for one that a client waits for.
  look_order by_request(double steady_ms) const;

  /// A look begins to measure; so much had clients put when it did.
  void begins(std::uint64_t put_bytes) { put_before_ = put_bytes; }
  /// `works`: executions run or wait. The first look only says where the counters stand.
  look_outcome looked(const protocol::sandbox_usage& found, bool works, double steady_ms,
                      protocol::unix_ms wall);
  /// The newest of each thing that looks found.
  const protocol::sandbox_usage& last() const { return last_; }
  /// Why no execution is let in; none: they are.
  std::optional<protocol::fault> refusal() const;

  /// `level` is the isolation's; the row of `steps_per_turn` is used by `steps`, and so on.
  protocol::limits_view view(std::string_view level, std::uint64_t steps,
                             std::uint64_t kernels) const;

 private:
  void rate(double cpu_ms, double steady_ms);
  bool busy() const;
  void count(const protocol::sandbox_usage& found, look_outcome& to);
  void hold_memory(const protocol::sandbox_usage& found, look_outcome& to);
  void hold_disk(const protocol::sandbox_usage& found, bool works, look_outcome& to);
  std::string disk_text(const protocol::sandbox_usage& found) const;
  bool exceeds(const protocol::sandbox_usage& found) const;
  double used(std::string_view limit) const;

  protocol::limits limit_;
  std::int64_t watch_ms_;
  bool began_to_look_ = false;
  bool active_ = true;  ///< looked at often
  double cpus_ = 0;     ///< processors' worth of time, from one rating to the next
  double rated_ms_ = 0;
  double rated_cpu_ms_ = 0;
  protocol::sandbox_usage last_;
  double disk_ended_ms_ = 0;  ///< when it was last measured
  bool memory_over_ = false;
  bool disk_over_ = false;
  /// Looks that found it grown since it went over, or was killed for it: while busy, and at all.
  int growths_busy_ = 0, growths_ = 0;
  std::int64_t own_bytes_most_ = 0;  ///< in that time, without what clients put
  std::uint64_t put_before_ = 0;     ///< when the look that is on its way began
  std::map<std::string, protocol::refusal, std::less<>> refusals_;
};

}  // namespace actors
