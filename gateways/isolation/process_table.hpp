// The processes of the host, as /proc shows them: who descends from whom, and what they use.
//
// For sandboxes without a control group, which would count for us, and for what no group counts.
// Reading takes some milliseconds: on the blocking pool. A value; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace gateways {

struct process_use {
  std::uint64_t memory_bytes = 0;  ///< resident, shared pages included
  std::uint64_t threads = 0;
  double cpu_ms = 0;  ///< with that of children it has waited for
};

class process_table {
 public:
  static process_table read();

  /// `root` and all its descendants; empty when it is gone.
  std::vector<int> tree(int root) const;
  process_use sum(const std::vector<int>& pids) const;
  std::chrono::steady_clock::duration age() const;

  /// One line of /proc/PID/stat, with its parent; none: it is not one.
  struct row {
    int parent = 0;
    process_use use;
  };
  static std::optional<row> parse(std::string_view stat);

 private:
  std::map<int, row> rows_;
  std::multimap<int, int> children_;
  std::chrono::steady_clock::time_point read_at_;
};

/// Memory in which a page that several processes share counts once (PSS).
std::uint64_t shared_out_memory(const std::vector<int>& pids);

/// Of the process that has most; -1: no process shows it to us.
std::int64_t open_files_of(const std::vector<int>& pids);

/// Of the fullest /tmp that is not the host's; -1: there is none.
std::int64_t own_tmp_bytes_of(const std::vector<int>& pids);

}  // namespace gateways
