#include "gateways/journal/store.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <limits>

#include "gateways/journal/schema.hpp"
#include "gateways/journal/spec_codec.hpp"
#include "protocol/resource.hpp"

namespace gateways {
namespace {

/// Another process that holds the lock for longer is told as a fault; commits wait for this.
constexpr int busy_ms = 1'000;
constexpr int node_events_a_step = 500;  ///< as in `drop_node_events` below

constexpr const char* sql[] = {
    "BEGIN IMMEDIATE",
    "COMMIT",
    // put_execution: an execution that has ended keeps its first end, and answers no row.
    "INSERT INTO executions(id, sandbox_id, kernel_id, state, ended_at, bytes, record)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    " ON CONFLICT(id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at,"
    " bytes = bytes + excluded.bytes, record = excluded.record WHERE state <> 2 RETURNING seq",
    "UPDATE executions SET bytes = bytes + ?2 WHERE id = ?1 AND state <> 2 RETURNING seq",
    "INSERT OR IGNORE INTO events(execution, n, body) VALUES(?1, ?2, ?3)",
    "INSERT OR REPLACE INTO node_events(n, at, type, body) VALUES(?1, ?2, ?3, ?4)",
    "INSERT OR REPLACE INTO sandboxes(id, spec) VALUES(?1, ?2)",
    "DELETE FROM sandboxes WHERE id = ?1",
    "DELETE FROM kernels WHERE sandbox_id = ?1",
    "INSERT OR REPLACE INTO kernels(sandbox_id, kernel_id, generation) VALUES(?1, ?2, ?3)",
    "INSERT OR REPLACE INTO claims(sandbox_id, key, body_hash, execution_id, at)"
    " VALUES(?1, ?2, ?3, ?4, ?5)",
    "SELECT record FROM executions WHERE id = ?1",
    "SELECT ifnull(max(n), 0) FROM events"
    " WHERE execution = (SELECT seq FROM executions WHERE id = ?1)",
    "SELECT n, body FROM events WHERE execution = (SELECT seq FROM executions WHERE id = ?1)"
    " AND n >= ?2 ORDER BY n",
    "SELECT n, body FROM node_events WHERE n >= ?1 ORDER BY n",
    "SELECT ifnull(max(n), 0) FROM node_events",
    "SELECT spec FROM sandboxes ORDER BY id",
    "SELECT ifnull(max(generation), 0) FROM kernels WHERE sandbox_id = ?1 AND kernel_id = ?2",
    "SELECT record FROM executions WHERE sandbox_id = ?1 AND kernel_id = ?2 AND state <> 2"
    " ORDER BY seq",
    "SELECT body_hash, execution_id, at FROM claims WHERE sandbox_id = ?1 AND key = ?2",
    "SELECT seq, ended_at FROM executions WHERE state = 2 ORDER BY seq LIMIT 1",
    "DELETE FROM events WHERE execution = ?1",
    "DELETE FROM executions WHERE seq = ?1",
    // drop_node_events: the last one stays, numbers go on from it.
    "DELETE FROM node_events WHERE at < ?1 AND n IN (SELECT n FROM node_events"
    " WHERE n < (SELECT max(n) FROM node_events) ORDER BY n LIMIT 500)",
    "DELETE FROM claims WHERE at < ?1",
    "PRAGMA page_count",
    "PRAGMA freelist_count",
};

std::string time_stamp() {
  auto now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  auto size = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return {text, size};
}

disk_fault unreadable(const protocol::fault& f) {
  // Not `corrupt`: one row is no reason to set the whole file aside.
  return {disk_fault_kind::other, "a row cannot be read: " + f.detail};
}

}  // namespace

store::store(std::string data_dir)
    : data_dir_(std::move(data_dir)), path_(data_dir_ + "/journal.db") {}

store::~store() {
  close();
}

void store::close() noexcept {
  for (auto& prepared : statements_) {
    sqlite3_finalize(prepared);
    prepared = nullptr;
  }
  db_.close();
}

disk_result<void> store::open() {
  auto opened = open_file();
  if (opened || opened.error().kind != disk_fault_kind::corrupt) return opened;
  auto moved_to = set_aside();
  spdlog::error("journal_corrupt path={} moved_to={} detail=\"{}\"", path_, moved_to,
                opened.error().detail);
  return open_file();
}

disk_result<void> store::open_file() {
  close();
  std::error_code ignored;  // what is wrong with the folder shows when the file is opened
  if (std::filesystem::create_directories(data_dir_, ignored)) ::chmod(data_dir_.c_str(), 0700);
  // The log files take their mode from this one, so it is made before SQLite would.
  if (auto fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); fd >= 0) {
    ::close(fd);
  } else {
    ::chmod(path_.c_str(), 0600);
  }
  if (auto opened = db_.open(path_, busy_ms); !opened) return opened;
  auto ready = db_.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");
  if (ready) ready = migrate();
  if (ready) ready = prepare();
  if (!ready) {
    close();
    return ready;
  }
  return probe();
}

disk_result<void> store::migrate() {
  auto version = db_.prepare("PRAGMA user_version");
  if (!version) return version.error();
  std::size_t at = 0;
  {
    sqlite_query q(db_, *version);
    if (auto row = q.step(); !row) {
      auto f = row.error();
      sqlite3_finalize(*version);
      return f;
    }
    at = q.number(0);
  }
  sqlite3_finalize(*version);
  auto steps = journal_migrations();
  if (at > steps.size()) {
    return disk_fault{
        disk_fault_kind::cannot_open,
        path_ + " was written by a newer version of troupe (schema " + std::to_string(at) + ")"};
  }
  for (; at < steps.size(); ++at) {
    auto step = std::string("BEGIN IMMEDIATE;") + steps[at] +
                "PRAGMA user_version=" + std::to_string(at + 1) + "; COMMIT;";
    if (auto done = db_.run(step.c_str()); !done) return done;
  }
  return {};
}

disk_result<void> store::prepare() {
  static_assert(std::size(sql) == statement_count);
  for (std::size_t i = 0; i < statement_count; ++i) {
    auto made = db_.prepare(sql[i]);
    if (!made) return made.error();
    statements_[i] = *made;
  }
  return {};
}

disk_result<void> store::probe() {
  // SQLite opens a file it may not write without a word; a lock for writing tells.
  return transaction([] { return disk_result<void>(); });
}

std::string store::set_aside() {
  close();
  auto base = path_ + ".corrupt-" + time_stamp();
  auto target = base;
  for (int i = 1; ::access(target.c_str(), F_OK) == 0; ++i) target = base + "-" + std::to_string(i);
  for (auto suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;  // the log files may not exist; the file itself shows when opened
    std::filesystem::rename(path_ + suffix, target + suffix, ignored);
  }
  return target;
}

template <class... Values>
disk_result<void> store::run(statement which, const Values&... values) {
  sqlite_query q(db_, statements_[which], values...);
  if (auto done = q.step(); !done) return done.error();
  return {};
}

template <class... Values>
disk_result<std::uint64_t> store::number(statement which, const Values&... values) {
  sqlite_query q(db_, statements_[which], values...);
  auto row = q.step();
  if (!row) return row.error();
  return *row ? q.number(0) : 0;
}

template <class Body>
disk_result<void> store::transaction(Body&& body) {
  if (auto began = run(begin_write); !began) return began;
  auto done = body();
  if (done) done = run(commit_write);
  // After some faults SQLite has rolled back by itself, and refuses this.
  if (!done) (void)db_.run("ROLLBACK");
  return done;
}

disk_result<void> store::write(const pending_rows& rows) {
  if (!is_open()) return disk_fault{disk_fault_kind::cannot_open, path_ + " is not open"};
  return transaction([&] { return write_rows(rows); });
}

disk_result<void> store::write_rows(const pending_rows& rows) {
  if (auto done = write_sandboxes(rows); !done) return done;
  for (const auto& [id, x] : rows.by_age()) {
    if (auto done = write_execution(*id, *x); !done) return done;
  }
  for (const auto& e : rows.node_events()) {
    auto done = run(put_node_event, e.n, e.at, e.type, e.body.view());
    if (!done) return done;
  }
  for (const auto& [name, c] : rows.claims()) {
    auto done = run(put_claim, name.first, name.second, c.body_hash, c.execution_id, c.at);
    if (!done) return done;
  }
  return {};
}

disk_result<void> store::write_sandboxes(const pending_rows& rows) {
  for (const auto& [id, x] : rows.sandboxes()) {
    if (x.forgotten) {
      auto done = run(drop_sandbox, id);
      if (done) done = run(drop_kernels, id);
      if (!done) return done;
    }
    if (!x.spec) continue;
    if (auto done = run(put_sandbox, id, spec_json(*x.spec)); !done) return done;
  }
  for (const auto& [name, generation] : rows.kernels()) {
    if (auto done = run(put_kernel, name.first, name.second, generation); !done) return done;
  }
  return {};
}

disk_result<void> store::write_execution(const std::string& id, const pending_execution& x) {
  disk_result<std::uint64_t> seq = 0;
  if (x.record) {
    const auto& r = *x.record;
    auto text = protocol::record_json(r);
    seq = number(put_execution, id, r.sandbox_id, r.kernel_id, static_cast<std::uint64_t>(r.state),
                 r.ended_at, x.event_bytes + text.size(), text);
  } else {
    seq = number(touch_execution, id, x.event_bytes);
  }
  if (!seq) return seq.error();
  if (*seq == 0) return {};  // it had ended before, or was pruned: nothing may follow its end
  for (const auto& event : x.events) {
    if (auto done = run(put_event, *seq, event.n, event.body.view()); !done) return done;
  }
  return {};
}

disk_result<std::optional<protocol::execution_record>> store::find_execution(
    const std::string& id) {
  sqlite_query q(db_, statements_[get_execution], id);
  auto row = q.step();
  if (!row) return row.error();
  if (!*row) return std::optional<protocol::execution_record>();
  auto record = protocol::record_from_json(q.text(0));
  if (!record) return unreadable(record.error());
  return std::optional(std::move(*record));
}

disk_result<std::uint64_t> store::last_event(const std::string& execution_id) {
  return number(get_last_event, execution_id);
}

disk_result<std::vector<numbered_event>> store::collect(sqlite_query& q, std::uint64_t bytes_max) {
  std::vector<numbered_event> out;
  std::uint64_t bytes = 0;
  while (true) {
    auto row = q.step();
    if (!row) return row.error();
    if (!*row) return out;
    auto body = q.text(1);
    bytes += body.size();
    if (!out.empty() && bytes > bytes_max) return out;
    out.push_back({q.number(0), protocol::buffer(std::string(body))});
  }
}

disk_result<std::vector<numbered_event>> store::events(const std::string& execution_id,
                                                       std::uint64_t from,
                                                       std::uint64_t bytes_max) {
  sqlite_query q(db_, statements_[get_events], execution_id, from);
  return collect(q, bytes_max);
}

disk_result<std::vector<numbered_event>> store::node_events(std::uint64_t from,
                                                            std::uint64_t bytes_max) {
  sqlite_query q(db_, statements_[get_node_events], from);
  return collect(q, bytes_max);
}

disk_result<std::uint64_t> store::last_node_event() {
  return number(get_last_node_event);
}

disk_result<std::vector<protocol::sandbox_spec>> store::sandboxes() {
  std::vector<protocol::sandbox_spec> out;
  sqlite_query q(db_, statements_[get_sandboxes]);
  while (true) {
    auto row = q.step();
    if (!row) return row.error();
    if (!*row) return out;
    if (auto spec = spec_from_json(q.text(0))) {
      out.push_back(std::move(*spec));
    } else {
      spdlog::error("journal_sandbox_unreadable detail=\"{}\"", spec.error().detail);
    }
  }
}

disk_result<std::uint64_t> store::generation(const std::string& sandbox_id,
                                             const std::string& kernel_id) {
  return number(get_generation, sandbox_id, kernel_id);
}

disk_result<std::vector<protocol::execution_record>> store::unfinished(
    const std::string& sandbox_id, const std::string& kernel_id) {
  std::vector<protocol::execution_record> out;
  sqlite_query q(db_, statements_[get_unfinished], sandbox_id, kernel_id);
  while (true) {
    auto row = q.step();
    if (!row) return row.error();
    if (!*row) return out;
    auto record = protocol::record_from_json(q.text(0));
    if (!record) return unreadable(record.error());
    out.push_back(std::move(*record));
  }
}

disk_result<std::optional<claim>> store::find_claim(const std::string& sandbox_id,
                                                    const std::string& key) {
  sqlite_query q(db_, statements_[get_claim], sandbox_id, key);
  auto row = q.step();
  if (!row) return row.error();
  if (!*row) return std::optional<claim>();
  return std::optional(claim{std::string(q.text(0)), std::string(q.text(1)), q.integer(2)});
}

disk_result<std::uint64_t> store::bytes_used() {
  auto pages = number(page_count);
  if (!pages) return pages;
  auto unused = number(free_pages);
  if (!unused) return unused;
  constexpr std::uint64_t page_bytes = 4'096;
  return (*pages - *unused) * page_bytes;
}

disk_result<bool> store::prune_oldest(const retention& keep) {
  auto used = bytes_used();
  if (!used) return used.error();
  auto too_much = *used > keep.bytes_max;
  std::uint64_t seq = 0;
  auto ended_at = std::numeric_limits<protocol::unix_ms>::max();
  {
    sqlite_query q(db_, statements_[oldest_ended]);
    auto row = q.step();
    if (!row) return row.error();
    if (*row) {
      seq = q.number(0);
      ended_at = q.integer(1);
    }
  }
  if (!too_much && (seq == 0 || ended_at >= keep.oldest)) return false;
  // Node events of the same age go with it; without any execution, the oldest of them.
  bool removed = seq != 0;
  auto done = transaction([&] {
    auto dropped = run(drop_node_events, ended_at);
    removed = removed || db_.changes() > 0;
    if (dropped && seq != 0) dropped = run(drop_events, seq);
    return dropped && seq != 0 ? run(drop_execution, seq) : dropped;
  });
  if (!done) return done.error();
  return removed;
}

disk_result<pruned> store::prune(const retention& keep) {
  using clock = std::chrono::steady_clock;
  auto until = clock::now() + std::chrono::microseconds(keep.step_us_max);
  pruned out;
  auto done = transaction([&] {
    auto dropped = run(drop_claims, keep.claims_from);
    if (dropped) dropped = run(drop_node_events, keep.oldest);
    out.more = db_.changes() >= node_events_a_step;
    return dropped;
  });
  if (!done) return done.error();
  do {
    auto removed = prune_oldest(keep);
    if (!removed) return removed.error();
    if (!*removed) return out;
    ++out.steps;
  } while (clock::now() < until);
  out.more = true;
  return out;
}

}  // namespace gateways
