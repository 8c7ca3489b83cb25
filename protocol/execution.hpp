// An execution: one piece of code run in a kernel, or one command run beside it; its request, its
// record, its events.
//
// These are the structs that cross actors and nodes; `resource.hpp` renders them for clients.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/buffer.hpp"
#include "protocol/cause.hpp"

namespace protocol {

/// Milliseconds since 1970-01-01T00:00:00Z; 0 means "not yet".
using unix_ms = std::int64_t;

enum class execution_state : std::uint8_t { queued, running, ended };

enum class execution_status : std::uint8_t {
  none,  ///< not ended yet
  ok,
  error,
  interrupted,
  timeout,
  memory_limit,
  output_limit,
  kernel_died,
  cancelled,
  node_lost,
  shutdown,
};

std::string_view name_of(execution_state state) noexcept;
std::string_view name_of(execution_status status) noexcept;
inline std::string to_string(execution_state s) {
  return std::string(name_of(s));
}
inline std::string to_string(execution_status s) {
  return std::string(name_of(s));
}
execution_status status_from_name(std::string_view name) noexcept;

/// A process to run in the sandbox: `line` by the shell, or `argv` as it stands.
struct command_spec {
  std::string line;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string directory;                 ///< below the workspace; empty: the workspace itself
  std::string input;                     ///< given to its stdin at its start
  bool keeps_input = false;              ///< stdin stays open after `input`
  bool terminal = false;                 ///< stdin, stdout and stderr are one terminal
  std::uint64_t rows = 24;               ///< of the terminal
  std::uint64_t columns = 80;

  /// False: the execution is code for a kernel.
  bool given() const noexcept { return !line.empty() || !argv.empty(); }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, command_spec& x) {
  return f(x.line, x.argv, x.environment, x.directory, x.input, x.keeps_input, x.terminal, x.rows,
           x.columns);
}

inline constexpr std::string_view command_prefix = "cmd_";

/// Whether the execution of that id is a command.
constexpr bool is_command(std::string_view execution_id) noexcept {
  return execution_id.starts_with(command_prefix);
}

/// What a client asked for. `id` is made by the gateway before it is sent.
struct execution_request {
  std::string id;  ///< exe_…, of a command cmd_…
  std::string sandbox_id;
  std::string kernel_id;
  std::string code;
  std::int64_t timeout_ms = 30'000;  ///< counts from the moment it runs; 1..1'800'000
  bool allow_stdin = false;
  bool silent = false;
  bool store_history = true;
  bool stop_on_error = true;
  bool cancel_on_disconnect = false;
  std::string user_expressions = "{}";  ///< a JSON object's text
  std::string labels = "{}";            ///< a JSON object's text
  std::string turn_id;                  ///< empty: none
  std::string client;                   ///< who pays for it in the limiter
  std::string idempotency_key;          ///< empty: none
  std::string body_hash;                ///< of what the key stands for
  bool told_early = false;              ///< somebody is told of it before its end
  command_spec command;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, execution_request& x) {
  return f(x.id, x.sandbox_id, x.kernel_id, x.code, x.timeout_ms, x.allow_stdin, x.silent,
           x.store_history, x.stop_on_error, x.cancel_on_disconnect, x.user_expressions, x.labels,
           x.turn_id, x.client, x.idempotency_key, x.body_hash, x.told_early, x.command);
}

/// Output that was cut out of the middle of the event log.
struct truncation {
  std::uint64_t bytes_total = 0;  ///< what the code printed in all; 0: nothing was cut
  std::uint64_t bytes_kept = 0;   ///< what the event log holds
  std::string path;               ///< the file in the workspace that holds the middle

  friend bool operator==(const truncation&, const truncation&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, truncation& x) {
  return f(x.bytes_total, x.bytes_kept, x.path);
}

struct usage {
  double cpu_ms = 0;  ///< CPU time of the kernel process during the execution, or of the command
  std::uint64_t memory_peak_bytes = 0;  ///< the kernel process's peak so far, or the command's
  /// The most processes and threads, of the whole sandbox, that a look of its limiter found while
  /// this ran; of the last look before when none fell into that time. 0: not known.
  std::uint64_t processes = 0;
  /// Printed text, and the JSON of displays, results and errors; also what went to the file.
  std::uint64_t output_bytes = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, usage& x) {
  return f(x.cpu_ms, x.memory_peak_bytes, x.processes, x.output_bytes);
}

/// All that is known of an execution but for its events.
struct execution_record {
  std::string id;
  std::string sandbox_id;
  std::string kernel_id;         ///< empty: a command
  std::uint64_t generation = 0;  ///< of the kernel it ran in; 0 while queued
  execution_state state = execution_state::queued;
  execution_status status = execution_status::none;
  cause why;
  bool state_preserved = true;
  std::int64_t execution_count = 0;  ///< 0: unknown
  unix_ms queued_at = 0;
  unix_ms started_at = 0;
  unix_ms ended_at = 0;
  double duration_ms = 0;  ///< from start to end; 0 for one that never ran
  std::uint64_t last_event = 0;
  truncation truncated;
  usage used;
  int exit_code = -1;                   ///< of a command, 0..255; -1: none
  int signal = 0;                       ///< that ended a command; 0: none
  std::string user_expressions = "{}";  ///< the kernel's answers, a JSON object's text
  std::string labels = "{}";
  std::string turn_id;
  std::string idempotency_key;
  std::string body_hash;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, execution_record& x) {
  return f(x.id, x.sandbox_id, x.kernel_id, x.generation, x.state, x.status, x.why,
           x.state_preserved, x.execution_count, x.queued_at, x.started_at, x.ended_at,
           x.duration_ms, x.last_event, x.truncated, x.used, x.exit_code, x.signal,
           x.user_expressions, x.labels, x.turn_id, x.idempotency_key, x.body_hash);
}

/// Numbered events of one execution, each rendered once as one line of JSON without its newline.
/// `first` is the number of the first; `ended` says that the last is the type `ended`.
struct event_batch {
  std::string execution_id;
  std::uint64_t first = 1;
  std::vector<buffer> events;
  bool ended = false;
  execution_record record;  ///< the final record when `ended`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event_batch& x) {
  return f(x.execution_id, x.first, x.events, x.ended, x.record);
}

}  // namespace protocol
