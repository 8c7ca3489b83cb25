// What actors ask of each other, as plain structs: commands in the imperative, events in the past
// tense. `actors/interfaces.hpp` says who takes which, and what it answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/buffer.hpp"
#include "protocol/cause.hpp"
#include "protocol/execution.hpp"
#include "protocol/jupyter/message.hpp"
#include "protocol/limits.hpp"
#include "protocol/sandbox.hpp"

namespace protocol {

// -- to a kernel, or to the commands of a sandbox -------------------------------------------------

/// Events from number `from` (inclusive); with `live` also those to come, until `ended`.
struct follow_execution {
  std::string execution_id;
  std::uint64_t from = 1;
  bool live = true;
};
struct cancel_execution {
  std::string execution_id;
};
struct give_stdin {
  std::string execution_id;
  std::string value;
  bool last = false;  ///< of a command: nothing follows
};
struct resize_terminal {
  std::string execution_id;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};
/// Ends all commands with `status` and `why`, then the actor itself.
struct stop_commands {
  execution_status status = execution_status::cancelled;
  cause why;
};
struct interrupt_kernel {
  std::string reason;
};
struct restart_kernel {
  bool wait = false;  ///< answer when it is ready again, not when the restart has begun
};
/// Its sandbox is over a limit: what runs is interrupted, or the process killed, with this cause. A
/// command is killed in either case.
struct limit_exceeded {
  std::string whose;  ///< a kernel's id, or a command's; empty: everything in the sandbox
  std::uint64_t generation = 0;  ///< of the kernel, when it was found so; another's is not meant
  bool kill = false;
  cause why;
};
/// Ends what runs and waits with `status` and `why`, stops the process, then the actor itself.
struct stop_kernel {
  execution_status status = execution_status::cancelled;
  cause why;
};

// -- what a kernel hears of its process -----------------------------------------------------------

struct process_started {
  std::uint64_t generation = 0;
  int pid = 0;
  std::string connection_file;
};
struct process_start_failed {
  std::uint64_t generation = 0;
  std::string why;
};
struct kernel_answered {
  std::uint64_t generation = 0;
};
struct messages_received {
  std::uint64_t generation = 0;
  std::vector<jupyter::message> batch;
};
struct heartbeat_lost {
  std::uint64_t generation = 0;
  std::uint64_t misses = 0;
};
struct process_exited {
  std::uint64_t generation = 0;
  int exit_code = -1;
  int signal = 0;
  std::string stderr_tail;
  std::uint64_t memory_bytes = 0;  ///< killed at its sandbox's memory limit, having used these
};
struct link_drained {
  std::uint64_t generation = 0;
};

// -- what a command's process tells ---------------------------------------------------------------

enum class command_stream : std::uint8_t { out, err, terminal };

struct command_start_failed {
  std::string execution_id;
  std::string why;
};
struct command_printed {
  std::string execution_id;
  command_stream on = command_stream::out;
  buffer bytes;
};
struct command_took_input {
  std::string execution_id;
  std::uint64_t bytes = 0;
};
/// All that it printed has been told.
struct command_exited {
  std::string execution_id;
  int exit_code = -1;
  int signal = 0;
  std::uint64_t memory_bytes = 0;  ///< killed at its sandbox's memory limit, having used these
  usage used;
};

// -- to the journal ------------------------------------------------------------------------------

/// Events of a running execution; written with others, never answered.
struct append_events {
  std::string execution_id;
  std::uint64_t first = 1;
  std::vector<buffer> events;
};
/// The last events and the final record; answered once they are on disk. With `log_file` they are
/// already, in that file of the commit log, and nobody waits for the answer.
struct commit_execution {
  execution_record record;
  std::uint64_t first = 1;
  std::vector<buffer> events;
  std::uint64_t log_file = 0;  ///< 0: none
};
/// Answered once all that came before is on disk, or known not to get there.
struct sync_journal {
  std::string execution_id;  ///< may be empty; comes back
};
struct committed {
  std::string execution_id;
  bool durable = true;  ///< false: kept in memory only, the disk refuses
};
struct load_execution {
  std::string execution_id;
};
struct load_events {
  std::string execution_id;  ///< empty: the events of the node
  std::uint64_t from = 1;
  std::uint64_t bytes_max = 1 << 20;  ///< at least one event is answered if there is one
};
/// The execution that `key` stands for: `execution_id` if the key is new, the earlier one's id if
/// it was used with the same body, `idempotency_mismatch` if with another. Whoever gets the key
/// for its own execution begins it within a minute or gives `release_key`.
struct claim_key {
  std::string sandbox_id;
  std::string key;
  std::string body_hash;
  std::string execution_id;
};
/// The execution of `claim_key` was not accepted: the key is free again.
struct release_key {
  std::string sandbox_id;
  std::string key;
  std::string execution_id;
};
struct forget_sandbox {
  std::string sandbox_id;
};
struct load_sandboxes {
  bool open_only = true;
};
struct sandbox_list {
  std::vector<sandbox_spec> specs;
};
/// The generation a kernel is at; kept so that a restarted daemon goes on counting.
struct mark_kernel {
  std::string sandbox_id;
  std::string kernel_id;
  std::uint64_t generation = 0;
};
struct load_kernel {
  std::string sandbox_id;
  std::string kernel_id;
};
struct kernel_memory {
  std::uint64_t generation = 0;              ///< 0: never started
  std::vector<execution_record> unfinished;  ///< begun by an earlier actor or daemon, never ended
};
/// Something that happened on the node; the journal gives it its number and its time.
struct node_event {
  std::string type;
  std::string data = "{}";  ///< a JSON object's text
};

// -- to limiter, workspace, sandbox, supervisor ---------------------------------------------------

struct release_execution {
  std::string execution_id;
  bool refused = false;  ///< it was let in here but refused further on: its step is not used
};
struct begin_turn {
  std::string text;
};
struct prepare_workspace {
  bool wipe = false;  ///< first remove everything but `upload/`
};
struct workspace_ready {
  std::string path;
};
/// Bytes for a file in `output/`; answered when written.
struct spill_output {
  std::string path;  ///< relative to the workspace
  buffer bytes;
};
struct spilled {
  std::uint64_t bytes = 0;
};
/// Answered with what the sandbox uses and what its limits leave, once it has been looked at.
struct look_at_limits {
  std::string sandbox_id;
};
/// What was looked for, in the order that it was.
struct limits_looked {
  sandbox_usage found;
};
struct change_limits {
  std::vector<limit_change> changes;
};
/// The system holds the sandbox to these; or `why` it does not, and all is as before.
struct limits_changed {
  limits limit;
  std::string why;
};
struct remove_workspace {
  std::string reason;
};
struct create_kernel {
  std::string kernel_id;
};
struct delete_kernel {
  std::string kernel_id;
};
struct create_sandbox {
  sandbox_spec spec;
};
/// A kernel's restart policy gave up (`why` is set), or it is ready (kind none).
struct kernel_turned {
  std::string kernel_id;
  cause why;
};
/// `why` is empty when workloads may start in it.
struct sandbox_opened {
  std::string why;
};
struct delete_sandbox {
  std::string sandbox_id;
};
struct close_sandbox {
  execution_status status = execution_status::cancelled;
  cause why;
  bool forget = true;  ///< also remove workspace and journal entry
};
/// No new work; what runs has `deadline_ms` to end, then it ends with status `shutdown`.
struct drain {
  std::int64_t deadline_ms = 10'000;
};
struct done {
  std::string what;
};

#define TROUPE_INSPECT(type, ...)                                  \
  template <class Inspector>                                       \
  typename Inspector::result_type inspect(Inspector& f, type& x) { \
    return f(__VA_ARGS__);                                         \
  }

TROUPE_INSPECT(follow_execution, x.execution_id, x.from, x.live)
TROUPE_INSPECT(cancel_execution, x.execution_id)
TROUPE_INSPECT(give_stdin, x.execution_id, x.value, x.last)
TROUPE_INSPECT(resize_terminal, x.execution_id, x.rows, x.columns)
TROUPE_INSPECT(stop_commands, x.status, x.why)
TROUPE_INSPECT(command_start_failed, x.execution_id, x.why)
TROUPE_INSPECT(command_printed, x.execution_id, x.on, x.bytes)
TROUPE_INSPECT(command_took_input, x.execution_id, x.bytes)
TROUPE_INSPECT(command_exited, x.execution_id, x.exit_code, x.signal, x.memory_bytes, x.used)
TROUPE_INSPECT(interrupt_kernel, x.reason)
TROUPE_INSPECT(restart_kernel, x.wait)
TROUPE_INSPECT(limit_exceeded, x.whose, x.generation, x.kill, x.why)
TROUPE_INSPECT(stop_kernel, x.status, x.why)
TROUPE_INSPECT(process_started, x.generation, x.pid, x.connection_file)
TROUPE_INSPECT(process_start_failed, x.generation, x.why)
TROUPE_INSPECT(kernel_answered, x.generation)
TROUPE_INSPECT(messages_received, x.generation, x.batch)
TROUPE_INSPECT(heartbeat_lost, x.generation, x.misses)
TROUPE_INSPECT(process_exited, x.generation, x.exit_code, x.signal, x.stderr_tail, x.memory_bytes)
TROUPE_INSPECT(link_drained, x.generation)
TROUPE_INSPECT(append_events, x.execution_id, x.first, x.events)
TROUPE_INSPECT(commit_execution, x.record, x.first, x.events, x.log_file)
TROUPE_INSPECT(sync_journal, x.execution_id)
TROUPE_INSPECT(committed, x.execution_id, x.durable)
TROUPE_INSPECT(load_execution, x.execution_id)
TROUPE_INSPECT(load_events, x.execution_id, x.from, x.bytes_max)
TROUPE_INSPECT(claim_key, x.sandbox_id, x.key, x.body_hash, x.execution_id)
TROUPE_INSPECT(release_key, x.sandbox_id, x.key, x.execution_id)
TROUPE_INSPECT(forget_sandbox, x.sandbox_id)
TROUPE_INSPECT(load_sandboxes, x.open_only)
TROUPE_INSPECT(sandbox_list, x.specs)
TROUPE_INSPECT(mark_kernel, x.sandbox_id, x.kernel_id, x.generation)
TROUPE_INSPECT(load_kernel, x.sandbox_id, x.kernel_id)
TROUPE_INSPECT(kernel_memory, x.generation, x.unfinished)
TROUPE_INSPECT(node_event, x.type, x.data)
TROUPE_INSPECT(release_execution, x.execution_id, x.refused)
TROUPE_INSPECT(begin_turn, x.text)
TROUPE_INSPECT(prepare_workspace, x.wipe)
TROUPE_INSPECT(workspace_ready, x.path)
TROUPE_INSPECT(spill_output, x.path, x.bytes)
TROUPE_INSPECT(spilled, x.bytes)
TROUPE_INSPECT(look_at_limits, x.sandbox_id)
TROUPE_INSPECT(limits_looked, x.found)
TROUPE_INSPECT(change_limits, x.changes)
TROUPE_INSPECT(limits_changed, x.limit, x.why)
TROUPE_INSPECT(remove_workspace, x.reason)
TROUPE_INSPECT(create_kernel, x.kernel_id)
TROUPE_INSPECT(delete_kernel, x.kernel_id)
TROUPE_INSPECT(create_sandbox, x.spec)
TROUPE_INSPECT(kernel_turned, x.kernel_id, x.why)
TROUPE_INSPECT(sandbox_opened, x.why)
TROUPE_INSPECT(delete_sandbox, x.sandbox_id)
TROUPE_INSPECT(close_sandbox, x.status, x.why, x.forget)
TROUPE_INSPECT(drain, x.deadline_ms)
TROUPE_INSPECT(done, x.what)

#undef TROUPE_INSPECT

}  // namespace protocol
