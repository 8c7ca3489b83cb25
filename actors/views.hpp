// What the actors publish for everybody to read: the state of sandboxes, kernels and the tree.
//
// Owned by main, written by actors, read by gateways on their own threads without a message, so
// that control routes answer whatever the actors are doing. Free of CAF: a gateway may include it.
// Invariant: what is handed out is immutable; a change publishes a new value.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/limiter/turn_ledger.hpp"
#include "config/config.hpp"
#include "protocol/browser.hpp"
#include "protocol/buffer.hpp"
#include "protocol/limits.hpp"
#include "protocol/sandbox.hpp"

namespace actors {

/// A kernel's published state with the two answers that are asked for most, rendered once.
struct kernel_snapshot {
  protocol::kernel_view view;
  std::string json;         ///< the kernel resource
  protocol::buffer status;  ///< the body of GET /kernel/status
};

/// What the commands of a sandbox are up to.
struct command_activity {
  std::uint64_t running = 0;
  protocol::unix_ms last_activity = 0;
};

/// One line of the supervision tree.
struct tree_entry {
  std::string path;   ///< "supervisor/sandboxes/default/main"
  std::string state;  ///< running, restarting, failed, or a kernel's own state
  std::uint64_t generation = 1;
  std::uint64_t restarts = 0;
  protocol::cause last_cause;
  protocol::unix_ms started_at = 0;
  config::restart_policy policy;
};

/// How strong the walls around workloads are.
struct isolation_view {
  std::string level = "none";
  std::vector<std::string> missing;  ///< protections that are not in force, by name
};

/// Counters for /metrics. Monotonic unless named otherwise; any thread may add.
struct node_counters {
  std::atomic<std::uint64_t> executions_started{0};
  std::atomic<std::uint64_t> executions_by_status[11]{};  ///< by execution_status
  std::atomic<std::uint64_t> kernel_starts{0};
  std::atomic<std::uint64_t> kernel_deaths{0};
  std::atomic<std::uint64_t> actor_deaths{0};
  std::atomic<std::uint64_t> events_appended{0};
  std::atomic<std::uint64_t> output_bytes{0};
  std::atomic<std::uint64_t> journal_commits{0};
  std::atomic<std::uint64_t> journal_failures{0};
  std::atomic<std::uint64_t> journal_rows_dropped{0};
  std::atomic<std::uint64_t> malformed_messages{0};
  std::atomic<std::uint64_t> limit_hits{0};
  std::atomic<std::uint64_t> egress_connections{0};
  std::atomic<std::uint64_t> egress_refusals{0};
  std::atomic<std::uint64_t> egress_bytes{0};  ///< to and from other hosts
  std::atomic<std::uint64_t> sandbox_cpu_ms{0};
  std::atomic<std::uint64_t> executions_held{0};       ///< a gauge: running or waiting
  std::atomic<std::int64_t> journal_pending_bytes{0};  ///< a gauge
};

/// Which of a sandbox's workloads go through an egress proxy: each has its own rules and bounds.
enum class egress_of : std::uint8_t { code, browser };

/// What a sandbox exchanged with other hosts as long as it lives. Written by its egress proxy only.
struct egress_use {
  std::atomic<std::uint64_t> bytes{0};                ///< both ways together
  std::atomic<protocol::unix_ms> last_refused_at{0};  ///< because they were too many; 0: never
};

/// The most processes that looks at a sandbox have found since this is held; until the first, what
/// the last one before found. Looks are told by the views, one at a time; any thread may read.
class process_watch {
 public:
  explicit process_watch(std::uint64_t before) : most_(before) {}
  void looked(std::uint64_t found) {
    if (!std::exchange(seen_, true) || found > most_) most_ = found;
  }
  std::uint64_t most() const noexcept { return most_; }

 private:
  bool seen_ = false;
  std::atomic<std::uint64_t> most_;
};

class node_views {
 public:
  void put(protocol::kernel_view view);
  void put(protocol::sandbox_view view);
  void put(protocol::browser_view view);
  void put(tree_entry entry);
  void put_usage(const std::string& sandbox_id, const protocol::sandbox_usage& found);
  void put(const std::string& sandbox_id, command_activity activity);
  void put(const std::string& sandbox_id, std::shared_ptr<turn_ledger> ledger);
  void erase_kernel(const std::string& sandbox_id, const std::string& kernel_id);
  void erase_sandbox(const std::string& sandbox_id);
  void erase_tree(const std::string& path);  ///< with all below it

  std::shared_ptr<const kernel_snapshot> kernel(std::string_view sandbox_id,
                                                std::string_view kernel_id) const;
  std::vector<std::shared_ptr<const kernel_snapshot>> kernels(std::string_view sandbox_id) const;
  std::vector<std::shared_ptr<const kernel_snapshot>> all_kernels() const;
  std::shared_ptr<const protocol::sandbox_view> sandbox(std::string_view sandbox_id) const;
  std::vector<std::shared_ptr<const protocol::sandbox_view>> sandboxes() const;
  /// Null: its actor has not started.
  std::shared_ptr<const protocol::browser_view> browser(std::string_view sandbox_id) const;
  std::vector<tree_entry> tree() const;
  /// Of all sandboxes together, as they were last looked at; what is counted is left out.
  protocol::sandbox_usage usage() const;
  /// Hears of every look at the sandbox for as long as it is held.
  std::shared_ptr<const process_watch> watch_processes(const std::string& sandbox_id);
  command_activity commands(std::string_view sandbox_id) const;
  /// None: its limiter has not started.
  std::shared_ptr<turn_ledger> ledger(std::string_view sandbox_id) const;
  /// Of a sandbox that is not there: one that nobody else sees.
  std::shared_ptr<egress_use> egress(const std::string& sandbox_id,
                                     egress_of whose = egress_of::code);
  /// Of the files of one sandbox, as they were last measured; 0: they were not.
  std::uint64_t disk_bytes(std::string_view sandbox_id) const;
  /// What the limit of its files leaves; none: there is no limit.
  std::optional<std::uint64_t> room_bytes(const protocol::sandbox_spec& spec) const;

  /// Set by main before anybody reads.
  isolation_view isolation;
  /// Raised once `default` and `main` are ready for the first time.
  std::atomic<bool> ready{false};
  /// Raised by SIGTERM: no new work is taken.
  std::atomic<bool> draining{false};
  /// False while the journal cannot write: what ends now may be forgotten by a crash.
  std::atomic<bool> durable{true};
  node_counters counters;

 private:
  void tell_of_process(tree_entry& entry) const;

  using kernel_key = std::pair<std::string, std::string>;  ///< sandbox, kernel
  struct kernel_less {
    using is_transparent = void;
    using seen = std::pair<std::string_view, std::string_view>;
    bool operator()(const seen& a, const seen& b) const { return a < b; }
  };
  mutable std::shared_mutex mutex_;
  std::map<kernel_key, std::shared_ptr<const kernel_snapshot>, kernel_less> kernels_;
  std::map<std::string, std::shared_ptr<const protocol::sandbox_view>, std::less<>> sandboxes_;
  std::map<std::string, std::shared_ptr<const protocol::browser_view>, std::less<>> browsers_;
  std::map<std::string, command_activity, std::less<>> commands_;
  std::map<std::string, std::shared_ptr<turn_ledger>, std::less<>> ledgers_;
  std::map<std::string, std::map<egress_of, std::shared_ptr<egress_use>>> egress_;
  std::map<std::string, tree_entry, std::less<>> tree_;
  std::map<std::string, protocol::sandbox_usage, std::less<>> usage_;
  std::map<std::string, std::vector<std::weak_ptr<process_watch>>> process_watches_;
};

}  // namespace actors
