// The only door outward: what actors may do to the world, as abstract classes.
//
// main.cpp passes the real ones (gateways/), tests pass fakes. Every method is called from actor
// threads and must not block; what takes long reports through a sink, from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/views.hpp"
#include "config/config.hpp"
#include "protocol/commands.hpp"
#include "protocol/error.hpp"
#include "protocol/jupyter/message.hpp"
#include "protocol/sandbox.hpp"

namespace actors {

/// Wall-clock time, for stamps that people read. Deadlines use the actor clock, which is steady.
class wall_clock {
 public:
  virtual ~wall_clock() = default;
  virtual protocol::unix_ms now() const = 0;
};

class random_source {
 public:
  virtual ~random_source() = default;
  virtual std::uint64_t next() = 0;
};

/// How a process ended: exactly one of the first two is set.
struct exit_status {
  int exit_code = -1;  ///< 0..255; -1: ended by a signal
  int signal = 0;
  std::string stderr_tail;  ///< the last lines it wrote, for the cause's detail
  /// The system killed it at its sandbox's memory limit, of which these were used; 0: it did not.
  std::uint64_t memory_bytes = 0;
};

/// What a kernel process is started from.
struct kernel_start {
  std::string sandbox_id;
  std::string kernel_id;
  std::uint64_t generation = 1;
  std::string workspace;  ///< its working directory
  protocol::limits limit;
};

/// What is heard of a kernel process. Called from the kernel I/O thread, in the order things
/// happened; every call carries the generation it belongs to. `exited` is the last of a generation
/// but for what `drained` still brings.
class kernel_sink {
 public:
  virtual ~kernel_sink() = default;
  virtual void started(std::uint64_t generation, int pid, std::string connection_file) = 0;
  virtual void start_failed(std::uint64_t generation, std::string why) = 0;
  /// kernel_info was answered and iopub is proven to be subscribed.
  virtual void ready(std::uint64_t generation) = 0;
  /// Messages with a valid signature. Until they are handed back by `kernel_port::consumed`, their
  /// bytes count against the link's bound; beyond it the link stops reading, nothing is lost.
  virtual void received(std::uint64_t generation,
                        std::vector<protocol::jupyter::message> batch) = 0;
  virtual void heartbeat_lost(std::uint64_t generation, std::uint64_t misses) = 0;
  virtual void exited(std::uint64_t generation, exit_status status) = 0;
  /// All that the dead process still said has been passed to `received`.
  virtual void drained(std::uint64_t generation) = 0;
};

/// One kernel's process and its ZeroMQ link. Owned by the kernel actor; destroying it kills the
/// process with all its descendants and removes its files.
class kernel_port {
 public:
  virtual ~kernel_port() = default;
  virtual void start(kernel_start what) = 0;
  /// Signs and writes a message; its `header` is made here from msg_id and msg_type.
  virtual void send(protocol::jupyter::message m) = 0;
  /// SIGINT to the kernel's process group.
  virtual void interrupt() = 0;
  /// SIGKILL to the process group and every descendant that left it.
  virtual void kill() = 0;
  /// Asks for `drained`, for the generation that exited; at most 200 ms later.
  virtual void drain() = 0;
  virtual void consumed(std::uint64_t bytes) = 0;
  /// CPU time and peak memory of the running process; 0 when there is none.
  virtual double cpu_ms() const = 0;
  virtual std::uint64_t memory_peak_bytes() const = 0;
};

/// What a look at a sandbox is to find out beside what is quick to read.
struct look_order {
  bool disk = false;       ///< measure the workspace: takes as long as there are files
  bool processes = false;  ///< open files and temporary space, process by process
};

/// What a command's process is started from.
struct command_start {
  std::string sandbox_id;
  std::string command_id;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string workspace;
  std::string directory;  ///< below the workspace
  bool takes_input = false;
  bool terminal = false;
  std::uint64_t rows = 24;
  std::uint64_t columns = 80;
  protocol::limits limit;
};

/// What is heard of a command's process. Called from the command I/O thread, in the order things
/// happened; `start_failed` or `exited` is the last.
class command_sink {
 public:
  virtual ~command_sink() = default;
  virtual void start_failed(std::string why) = 0;
  /// Until the bytes are handed back by `command_port::consumed` they count against the port's
  /// bound; beyond it nothing is read, and the process waits.
  virtual void printed(protocol::command_stream on, protocol::buffer bytes) = 0;
  /// So much of what was written is with the process, or will never be.
  virtual void took_input(std::uint64_t bytes) = 0;
  virtual void exited(exit_status status, protocol::usage used) = 0;
};

/// One command's process. Owned by the commands actor; destroying it kills the process with all its
/// descendants.
class command_port {
 public:
  virtual ~command_port() = default;
  virtual void start(command_start what) = 0;
  /// To its stdin; `last`: then its stdin is closed. On a terminal `last` is an end-of-file key.
  virtual void write(std::string bytes, bool last) = 0;
  virtual void resize(std::uint64_t rows, std::uint64_t columns) = 0;
  /// SIGTERM to the process and all its descendants.
  virtual void terminate() = 0;
  /// SIGKILL to all of them.
  virtual void kill() = 0;
  virtual void consumed(std::uint64_t bytes) = 0;
};

/// What a browser's process is started from.
struct browser_start {
  std::string sandbox_id;
  std::uint64_t generation = 1;
  std::string workspace;      ///< it reads uploads there, and writes downloads
  std::string profile;        ///< the folder on the host that it keeps its own files in
  bool keeps_profile = true;  ///< else the folder is emptied before each start
  protocol::limits limit;     ///< of the browser alone
};

/// What is heard of a browser's process. Called from the thread `cdp`, in the order things
/// happened; every call but the last two carries the generation it belongs to. `start_failed` or
/// `exited` is the last of a generation.
class browser_sink {
 public:
  virtual ~browser_sink() = default;
  virtual void started(std::uint64_t generation, int pid) = 0;
  virtual void start_failed(std::uint64_t generation, std::string why) = 0;
  /// It has answered, and takes what is sent.
  virtual void ready(std::uint64_t generation) = 0;
  /// Messages of the Chrome DevTools Protocol for the daemon itself.
  virtual void received(std::uint64_t generation, std::vector<protocol::buffer> messages) = 0;
  virtual void silent(std::uint64_t generation, std::uint64_t misses) = 0;
  virtual void exited(std::uint64_t generation, exit_status status) = 0;
  /// A client asks for it by CDP while it is not ready.
  virtual void wanted() = 0;
  /// So many clients are connected by CDP.
  virtual void clients(std::uint64_t count) = 0;
};

/// One sandbox's browser and its pipe. Owned by the browser actor; destroying it kills the process.
class browser_port {
 public:
  virtual ~browser_port() = default;
  virtual void start(browser_start what) = 0;
  /// A command of the daemon's own.
  virtual void send(std::string message) = 0;
  /// Clients by CDP are let in from now on.
  virtual void serve() = 0;
  /// Asks it to end, with its profile whole.
  virtual void stop() = 0;
  virtual void kill() = 0;
  /// Whoever waits for it by CDP waits no longer.
  virtual void refuse(protocol::fault why) = 0;
};

/// What the operating system holds for each sandbox: its user, its group with the limits.
class sandbox_host {
 public:
  virtual ~sandbox_host() = default;
  /// Blocks: it may have to give a folder with many files to the sandbox's user. Before anything
  /// starts in the sandbox; again is harmless.
  virtual protocol::result<void> open(const protocol::sandbox_spec& spec,
                                      const std::string& workspace) = 0;
  /// Holds it to other limits from now on; refused when it uses more already. May block.
  virtual protocol::result<void> change(const std::string& sandbox_id,
                                        const protocol::limits& limit) = 0;
  /// What it uses; nothing when it is not open. Blocks.
  virtual protocol::sandbox_usage look(const std::string& sandbox_id, look_order order) = 0;
  /// Ends what still runs in it and waits for that: blocks.
  virtual void close(const std::string& sandbox_id) = 0;
};

/// Keeps the end of a short execution at once, from any thread; see `gateways/journal/commit_log`.
class commit_log {
 public:
  virtual ~commit_log() = default;
  /// The number of the file that has it, all its events from 1 included. 0: it could not be kept
  /// here, or is too large; the journal's answer is to be waited for.
  virtual std::uint64_t keep(const protocol::commit_execution& what) = 0;
};

/// Runs blocking work (files) off the scheduler. Work with the same key runs in order.
class blocking_pool {
 public:
  virtual ~blocking_pool() = default;
  virtual void post(std::string_view key, std::function<void()> work) = 0;
};

using kernel_port_factory =
    std::function<std::unique_ptr<kernel_port>(std::shared_ptr<kernel_sink>)>;

using command_port_factory =
    std::function<std::unique_ptr<command_port>(std::shared_ptr<command_sink>)>;

using browser_port_factory = std::function<std::unique_ptr<browser_port>(
    std::string sandbox_id, std::shared_ptr<browser_sink>)>;

class directory;

/// Given to every actor at its start; outlives them all.
struct env {
  const config::settings& settings;
  std::string data_dir;          ///< absolute; workspaces live below it
  protocol::unix_ms started_at;  ///< of this daemon
  wall_clock& clock;
  random_source& random;
  kernel_port_factory make_kernel_port;
  command_port_factory make_command_port;
  browser_port_factory make_browser_port;
  sandbox_host& boxes;
  blocking_pool& blocking;
  blocking_pool& looks;  ///< for looks at sandboxes: file work does not wait for a large workspace
  commit_log& commits;
  node_views& views;
  directory& handles;
  /// Called from an actor when `main` of `default` is first ready, or has failed for good before.
  std::function<void()> became_ready;
};

}  // namespace actors
