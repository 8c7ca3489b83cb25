// What a sandbox uses, how that is held to its limits, and how a limit is changed.
//
// Plain data: the host of sandboxes fills in a usage, the limiter makes a view of it, gateways
// render that and read changes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/sandbox.hpp"

namespace protocol {

/// What a look at a sandbox found. 0 where the system does not tell; what is counted never falls.
struct sandbox_usage {
  bool grouped = false;                 ///< a control group counts and holds it
  std::uint64_t memory_bytes = 0;       ///< without file pages, which can be had back
  std::uint64_t memory_peak_bytes = 0;  ///< with them; only where there is a group
  std::uint64_t processes = 0;          ///< threads included
  double cpu_ms = 0;                    ///< counted
  std::uint64_t memory_kills = 0;       ///< counted: processes killed at the memory limit
  std::uint64_t process_refusals = 0;   ///< counted: forks refused
  std::string largest;         ///< the kernel or command that has most memory; only without a group
  bool disk_measured = false;  ///< the next four mean something
  std::uint64_t disk_bytes = 0;  ///< of everything in the workspace
  std::uint64_t put_bytes = 0;   ///< counted: what clients put there; not the workload's doing
  bool disk_whole = true;        ///< false: it was too deep, too much or closed to us
  double disk_walk_ms = 0;       ///< how long measuring took
  std::int64_t open_files = -1;  ///< of the process that has most; -1: not looked at
  std::int64_t tmp_bytes = -1;   ///< of the fullest /tmp; -1: not looked at, or the host's
  std::int64_t browser_memory_bytes = -1;  ///< of its browser's group; -1: there is none
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, sandbox_usage& x) {
  return f(x.grouped, x.memory_bytes, x.memory_peak_bytes, x.processes, x.cpu_ms, x.memory_kills,
           x.process_refusals, x.largest, x.disk_measured, x.disk_bytes, x.put_bytes, x.disk_whole,
           x.disk_walk_ms, x.open_files, x.tmp_bytes, x.browser_memory_bytes);
}

/// The last time that something was refused or ended at a limit.
struct refusal {
  unix_ms at = 0;      ///< 0: never
  double measure = 0;  ///< in the limit's own unit
  std::string action;  ///< "refused", "interrupted" or "killed"
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, refusal& x) {
  return f(x.at, x.measure, x.action);
}

struct limit_view {
  std::string name;
  double limit = 0;     ///< 0: without
  double used = -1;     ///< -1: it is not a sum that could be told
  std::string held_by;  ///< what holds it; empty: nothing does at this level
  refusal last;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, limit_view& x) {
  return f(x.name, x.limit, x.used, x.held_by, x.last);
}

struct limits_view {
  std::vector<limit_view> limits;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, limits_view& x) {
  return f(x.limits);
}

/// A limit by its name at the edge, in the edge's unit.
struct limit_change {
  std::string name;
  double value = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, limit_change& x) {
  return f(x.name, x.value);
}

/// An unknown name changes nothing; a value beyond what the member holds becomes its largest.
void apply(limits& to, const limit_change& change);

/// The limit as the edge shows it; 0 for an unknown name.
double value_of(const limits& of, std::string_view name);

std::string to_json(const limits_view& x);

}  // namespace protocol
