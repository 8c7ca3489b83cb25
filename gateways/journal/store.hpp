// The journal's file: DATA_DIR/journal.db, an SQLite database in WAL mode, and its tables.
//
// Owned by the journal actor, used by its thread only; knows nothing of actors. A write is one
// transaction: all of it or nothing. With `synchronous=NORMAL` a commit survives the death of the
// daemon at any point; a power cut may take the last ones, never the file. A damaged file is moved
// aside, not repaired.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateways/journal/pending.hpp"
#include "gateways/journal/sqlite.hpp"
#include "protocol/sandbox.hpp"

namespace gateways {

/// What may stay. Unfinished executions always do.
struct retention {
  protocol::unix_ms oldest = 0;  ///< what ended, or happened, before is removed
  std::uint64_t bytes_max = 0;   ///< of the file's pages in use; beyond, the oldest goes
  protocol::unix_ms claims_from = 0;
  std::int64_t step_us_max = 5'000;  ///< one call takes about so long at most
};

struct pruned {
  std::uint64_t steps = 0;  ///< executions, or portions of node events
  bool more = false;        ///< there is more to remove
};

class store {
 public:
  explicit store(std::string data_dir);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  /// Opens the file, making or migrating it. A fault may leave it open for reading: see `is_open`.
  disk_result<void> open();
  void close() noexcept;
  bool is_open() const noexcept { return db_.is_open(); }
  /// Closes the file and moves it to journal.db.corrupt-<time>; answers where to.
  std::string set_aside();

  disk_result<void> write(const pending_rows& rows);

  disk_result<std::optional<protocol::execution_record>> find_execution(const std::string& id);
  /// The number of the last event kept of an execution; 0: none.
  disk_result<std::uint64_t> last_event(const std::string& execution_id);
  /// Events from a number on, up to a bound, but at least one.
  disk_result<std::vector<numbered_event>> events(const std::string& execution_id,
                                                  std::uint64_t from, std::uint64_t bytes_max);
  disk_result<std::vector<numbered_event>> node_events(std::uint64_t from, std::uint64_t bytes_max);
  disk_result<std::uint64_t> last_node_event();
  disk_result<std::vector<protocol::sandbox_spec>> sandboxes();
  disk_result<std::uint64_t> generation(const std::string& sandbox_id,
                                        const std::string& kernel_id);
  disk_result<std::vector<protocol::execution_record>> unfinished(const std::string& sandbox_id,
                                                                  const std::string& kernel_id);
  disk_result<std::optional<claim>> find_claim(const std::string& sandbox_id,
                                               const std::string& key);

  /// Removes some of what must not stay, oldest first.
  disk_result<pruned> prune(const retention& keep);
  disk_result<std::uint64_t> bytes_used();
  /// Moves what is in the write-ahead log into the file, without waiting for anybody.
  disk_result<void> checkpoint() { return db_.checkpoint(); }
  int wal_pages() const noexcept { return db_.wal_pages(); }

 private:
  enum statement : std::uint8_t {
    begin_write,
    commit_write,
    put_execution,
    touch_execution,
    put_event,
    put_node_event,
    put_sandbox,
    drop_sandbox,
    drop_kernels,
    put_kernel,
    put_claim,
    get_execution,
    get_last_event,
    get_events,
    get_node_events,
    get_last_node_event,
    get_sandboxes,
    get_generation,
    get_unfinished,
    get_claim,
    oldest_ended,
    drop_events,
    drop_execution,
    drop_node_events,
    drop_claims,
    page_count,
    free_pages,
    statement_count
  };

  disk_result<void> open_file();
  disk_result<void> migrate();
  disk_result<void> prepare();
  disk_result<void> probe();
  template <class... Values>
  disk_result<void> run(statement which, const Values&... values);
  template <class... Values>
  disk_result<std::uint64_t> number(statement which, const Values&... values);
  template <class Body>
  disk_result<void> transaction(Body&& body);
  disk_result<void> write_rows(const pending_rows& rows);
  disk_result<void> write_execution(const std::string& id, const pending_execution& x);
  disk_result<void> write_sandboxes(const pending_rows& rows);
  disk_result<bool> prune_oldest(const retention& keep);
  static disk_result<std::vector<numbered_event>> collect(sqlite_query& q, std::uint64_t bytes_max);

  std::string data_dir_;
  std::string path_;
  sqlite_connection db_;
  std::array<sqlite3_stmt*, statement_count> statements_{};
};

}  // namespace gateways
