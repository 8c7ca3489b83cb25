#include "gateways/journal/sqlite.hpp"

#include <sqlite3.h>

namespace gateways {
namespace {

disk_fault_kind kind_of(int rc) {
  switch (rc & 0xff) {
    case SQLITE_FULL: return disk_fault_kind::full;
    case SQLITE_READONLY:
    case SQLITE_PERM: return disk_fault_kind::read_only;
    case SQLITE_IOERR: return disk_fault_kind::io;
    case SQLITE_CANTOPEN: return disk_fault_kind::cannot_open;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return disk_fault_kind::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return disk_fault_kind::busy;
    default: return disk_fault_kind::other;
  }
}

int remember_wal_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

std::string_view name_of(disk_fault_kind kind) noexcept {
  switch (kind) {
    case disk_fault_kind::full: return "full";
    case disk_fault_kind::read_only: return "read_only";
    case disk_fault_kind::io: return "io_error";
    case disk_fault_kind::cannot_open: return "cannot_open";
    case disk_fault_kind::corrupt: return "corrupt";
    case disk_fault_kind::busy: return "busy";
    case disk_fault_kind::other: break;
  }
  return "other";
}

disk_result<void> sqlite_connection::open(const std::string& path, int busy_ms) {
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  close();
  if (auto rc = sqlite3_open_v2(path.c_str(), &db_, flags, nullptr); rc != SQLITE_OK) {
    auto f = fault(rc, "open " + path);
    close();
    return f;
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, busy_ms);
  // Takes the place of the automatic checkpoint, which would stall a commit.
  sqlite3_wal_hook(db_, remember_wal_pages, &wal_pages_);
  return {};
}

void sqlite_connection::close() noexcept {
  // Statements are finalized by their owner before; close_v2 forgives one that was not.
  if (db_) sqlite3_close_v2(db_);
  db_ = nullptr;
  wal_pages_ = 0;
}

disk_result<void> sqlite_connection::run(const char* sql) {
  auto rc = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return fault(rc, sql);
  return {};
}

disk_result<sqlite3_stmt*> sqlite_connection::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  auto rc = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return fault(rc, sql);
  return statement;
}

disk_fault sqlite_connection::fault(int rc, std::string_view doing) const {
  std::string detail = sqlite3_errstr(rc);
  if (db_) detail = sqlite3_errmsg(db_);
  detail.append(" (").append(std::to_string(rc)).append("): ").append(doing.substr(0, 80));
  return {kind_of(rc), std::move(detail)};
}

int sqlite_connection::changes() const noexcept {
  return sqlite3_changes(db_);
}

disk_result<void> sqlite_connection::checkpoint() {
  int pages = 0;
  int moved = 0;
  auto rc = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  if (rc != SQLITE_OK) return fault(rc, "checkpoint");
  wal_pages_ = pages - moved;
  return {};
}

sqlite_query::~sqlite_query() {
  sqlite3_reset(statement_);
}

disk_result<bool> sqlite_query::step() {
  auto rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return db_.fault(rc, sqlite3_sql(statement_));
}

std::int64_t sqlite_query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view sqlite_query::text(int column) const {
  auto bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void sqlite_query::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
}

void sqlite_query::bind(std::string_view value) {
  // A null pointer would bind NULL; columns are NOT NULL.
  auto bytes = value.data() ? value.data() : "";
  sqlite3_bind_text64(statement_, ++bound_, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

}  // namespace gateways
