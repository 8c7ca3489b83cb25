// Sandboxes and kernels as clients see them: what they are made from and what is shown of them.
//
// Views are plain data. Actors publish them, gateways render them, nodes send them to each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cause.hpp"
#include "protocol/execution.hpp"

namespace protocol {

enum class sandbox_mode : std::uint8_t { agent, chat };
enum class sandbox_state : std::uint8_t { starting, ready, failed, closing };
enum class kernel_state : std::uint8_t { starting, idle, busy, restarting, failed };

std::string_view name_of(sandbox_mode mode) noexcept;
std::string_view name_of(sandbox_state state) noexcept;
std::string_view name_of(kernel_state state) noexcept;
inline std::string to_string(sandbox_mode x) {
  return std::string(name_of(x));
}
inline std::string to_string(sandbox_state x) {
  return std::string(name_of(x));
}
inline std::string to_string(kernel_state x) {
  return std::string(name_of(x));
}

/// What a sandbox may use. 0 means "without limit", but for memory and output, which always have
/// one.
struct limits {
  std::uint64_t memory_bytes = 500'000'000;
  std::uint64_t processes = 128;         ///< at once, threads included
  double cpus = 0;                       ///< processors' worth of time
  std::uint64_t disk_bytes = 1 << 30;    ///< of the workspace's files together, so also of each
  std::uint64_t tmp_bytes = 64 << 20;    ///< of a workload's /tmp
  std::uint64_t open_files = 1'024;      ///< of one process
  std::uint64_t output_bytes = 8 << 20;  ///< of one execution, kept in its event log
  std::uint64_t steps_per_turn = 0;
  std::int64_t execution_ms_max = 1'800'000;  ///< the largest timeout_s a request may ask for
  std::uint64_t kernels_max = 8;

  friend bool operator==(const limits&, const limits&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, limits& x) {
  return f(x.memory_bytes, x.processes, x.cpus, x.disk_bytes, x.tmp_bytes, x.open_files,
           x.output_bytes, x.steps_per_turn, x.execution_ms_max, x.kernels_max);
}

/// Calls `f(name, member)` for each limit that has the same name and unit at the edge.
template <class Limits, class F>
void each_limit(Limits& l, F&& f) {
  f("memory_bytes", l.memory_bytes);
  f("processes", l.processes);
  f("cpus", l.cpus);
  f("disk_bytes", l.disk_bytes);
  f("tmp_bytes", l.tmp_bytes);
  f("open_files", l.open_files);
  f("output_bytes", l.output_bytes);
  f("steps_per_turn", l.steps_per_turn);
  f("kernels_max", l.kernels_max);
}

/// What a sandbox is made from; kept in the journal, so that a restarted daemon makes it again.
struct sandbox_spec {
  std::string id;
  sandbox_mode mode = sandbox_mode::agent;
  std::int64_t ttl_ms = 0;   ///< from creation; 0: lives until it is deleted
  std::int64_t idle_ms = 0;  ///< without an execution; 0: never expires by idleness
  limits limit;
  std::string labels = "{}";  ///< a JSON object's text
  unix_ms created_at = 0;
  std::vector<std::string> kernels{"main"};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, sandbox_spec& x) {
  return f(x.id, x.mode, x.ttl_ms, x.idle_ms, x.limit, x.labels, x.created_at, x.kernels);
}

struct sandbox_view {
  sandbox_spec spec;
  sandbox_state state = sandbox_state::starting;
  cause why;               ///< of `failed`
  unix_ms expires_at = 0;  ///< by ttl; 0: never
  std::vector<std::string> kernels;
  std::string workspace;  ///< the folder on the host
  bool opened = false;    ///< the folder belongs to whom it should
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, sandbox_view& x) {
  return f(x.spec, x.state, x.why, x.expires_at, x.kernels, x.workspace, x.opened);
}

struct kernel_view {
  std::string id;
  std::string sandbox_id;
  kernel_state state = kernel_state::starting;
  std::uint64_t generation = 0;
  std::uint64_t restarts = 0;
  int pid = 0;  ///< 0: no process
  std::string spec = "python3";
  std::uint64_t queue = 0;  ///< executions that wait
  cause last_cause;
  unix_ms started_at = 0;  ///< of this generation
  unix_ms last_activity = 0;
  std::string connection_file;  ///< empty: no process
  std::string running;          ///< the id of the running execution, or empty
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kernel_view& x) {
  return f(x.id, x.sandbox_id, x.state, x.generation, x.restarts, x.pid, x.spec, x.queue,
           x.last_cause, x.started_at, x.last_activity, x.connection_file, x.running);
}

struct turn_view {
  std::string turn_id;
  std::uint64_t steps_limit = 0;  ///< 0: unlimited
  std::uint64_t steps_used = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, turn_view& x) {
  return f(x.turn_id, x.steps_limit, x.steps_used);
}

}  // namespace protocol
