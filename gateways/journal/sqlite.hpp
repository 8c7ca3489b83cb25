// A thin layer over SQLite's C interface: one connection, prepared statements, typed failures.
//
// Owned by `store`, used by one thread at a time. Nothing throws: what the disk refuses is a
// `disk_fault`, whose kind says what to do about it.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace gateways {

enum class disk_fault_kind : std::uint8_t {
  full,         ///< no space is left, or a quota is reached
  read_only,    ///< the file or its file system takes no writes
  io,           ///< the operating system reported an I/O error
  cannot_open,  ///< the folder or the file cannot be reached
  corrupt,      ///< the file is damaged, or no database at all
  busy,         ///< another process holds the lock for longer than we wait
  other,
};

std::string_view name_of(disk_fault_kind kind) noexcept;

struct disk_fault {
  disk_fault_kind kind = disk_fault_kind::other;
  std::string detail;  ///< SQLite's own words, and what was being done
};

template <class T>
using disk_result = boost::system::result<T, disk_fault>;

[[noreturn]] inline void throw_exception_from_error(const disk_fault& f,
                                                    const boost::source_location&) {
  throw std::logic_error("unchecked disk fault: " + f.detail);
}

/// A connection. What it hands out must not outlive it.
class sqlite_connection {
 public:
  sqlite_connection() = default;
  ~sqlite_connection() { close(); }
  sqlite_connection(const sqlite_connection&) = delete;
  sqlite_connection& operator=(const sqlite_connection&) = delete;

  disk_result<void> open(const std::string& path, int busy_ms);
  void close() noexcept;
  bool is_open() const noexcept { return db_ != nullptr; }

  /// Runs statements that answer nothing.
  disk_result<void> run(const char* sql);
  disk_result<sqlite3_stmt*> prepare(const char* sql);
  /// What the result code `rc` of the last call means.
  disk_fault fault(int rc, std::string_view doing) const;
  /// Rows that the last statement changed.
  int changes() const noexcept;
  /// Pages in the write-ahead log after the last commit.
  int wal_pages() const noexcept { return wal_pages_; }
  disk_result<void> checkpoint();

 private:
  sqlite3* db_ = nullptr;
  int wal_pages_ = 0;
};

/// One use of a prepared statement: binds in order, steps, and resets it at its end.
/// Bound text is not copied: it must live as long as the query.
class sqlite_query {
 public:
  template <class... Values>
  sqlite_query(const sqlite_connection& db, sqlite3_stmt* statement, const Values&... values)
      : db_(db), statement_(statement) {
    (bind(values), ...);
  }
  ~sqlite_query();
  sqlite_query(const sqlite_query&) = delete;
  sqlite_query& operator=(const sqlite_query&) = delete;

  /// True: there is a row to read. False: done.
  disk_result<bool> step();
  std::int64_t integer(int column) const;
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  /// Valid until the next step.
  std::string_view text(int column) const;

 private:
  void bind(std::int64_t value);
  void bind(std::uint64_t value) { bind(static_cast<std::int64_t>(value)); }
  void bind(std::string_view value);
  void bind(const std::string& value) { bind(std::string_view(value)); }

  const sqlite_connection& db_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

}  // namespace gateways
