#define CAF_SUITE journal_store

#include "tests/support/unit.hpp"

#include <sys/stat.h>

#include <fstream>

#include "gateways/journal/spec_codec.hpp"
#include "gateways/journal/store.hpp"
#include "tests/gateways/journal/rows.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tests;
using namespace gateways;

namespace {

struct open_store {
  open_store() { CAF_REQUIRE(file.open()); }
  void write(const pending_rows& rows) { CAF_REQUIRE(file.write(rows)); }
  void end(const std::string& id, protocol::unix_ms at, std::size_t events, std::size_t size) {
    pending_rows rows;
    rows.end(make_ended(id, events, at), 1, make_events(1, events, size));
    write(rows);
  }
  bool has(const std::string& id) { return file.find_execution(id).value().has_value(); }
  void prune(const retention& keep) {
    while (file.prune(keep).value().more) continue;
  }

  temp_dir dir;
  store file{dir.path()};
};

protocol::sandbox_spec sample_spec() {
  protocol::sandbox_spec spec;
  spec.id = "box";
  spec.mode = protocol::sandbox_mode::chat;
  spec.ttl_ms = 5;
  spec.idle_ms = 6;
  spec.limit = {1, 2, 3, 4, 5};
  spec.labels = R"({"a":"\u00e9 \"b\""})";
  spec.created_at = 7;
  spec.kernels = {"main", "second"};
  return spec;
}

}  // namespace

CAF_TEST(what was written is read again by another store) {
  open_store one;
  pending_rows rows;
  auto ended = make_ended("exe_1", 3);
  ended.why.kind = protocol::cause_kind::signal;
  ended.why.signal = 9;
  ended.why.detail = "a \"quoted\" line\nand another, \xe4\xb8\xad";
  rows.end(ended, 1, make_events(1, 3));
  rows.put(make_record("exe_2"));
  rows.append("exe_2", 1, make_events(1, 2));
  rows.put(sample_spec());
  rows.put(protocol::mark_kernel{"default", "main", 4});
  rows.put({"default", "key"}, claim{"hash", "exe_1", 10});
  rows.put(pending_node_event{1, 5, "kernel_ready", "{}", protocol::buffer("{\"n\":1}")});
  one.write(rows);
  one.file.close();

  store two(one.dir.path());
  CAF_REQUIRE(two.open());
  auto record = two.find_execution("exe_1").value();
  CAF_REQUIRE(record.has_value());
  CAF_CHECK_EQUAL(record->state, protocol::execution_state::ended);
  CAF_CHECK(record->why == ended.why);
  auto events = two.events("exe_1", 2, 1 << 20).value();
  CAF_REQUIRE_EQUAL(events.size(), 2u);
  CAF_CHECK_EQUAL(events[0].n, 2u);
  CAF_CHECK(events[0].body == make_events(2, 1)[0]);
  CAF_CHECK_EQUAL(two.last_event("exe_2").value(), 2u);
  CAF_CHECK_EQUAL(two.unfinished("default", "main").value().size(), 1u);
  CAF_CHECK_EQUAL(two.generation("default", "main").value(), 4u);
  CAF_CHECK_EQUAL(two.generation("default", "other").value(), 0u);
  auto held = two.find_claim("default", "key").value();
  CAF_REQUIRE(held.has_value());
  CAF_CHECK_EQUAL(held->execution_id, "exe_1");
  CAF_CHECK(!two.find_claim("default", "other").value().has_value());
  CAF_CHECK_EQUAL(two.last_node_event().value(), 1u);
  CAF_CHECK_EQUAL(two.node_events(1, 100).value().size(), 1u);
  auto specs = two.sandboxes().value();
  CAF_REQUIRE_EQUAL(specs.size(), 1u);
  CAF_CHECK_EQUAL(spec_json(specs[0]), spec_json(sample_spec()));
}

CAF_TEST(an execution that has ended keeps its first end) {
  open_store s;
  s.end("exe_1", 3'000, 2, 16);
  pending_rows again;
  auto second = make_ended("exe_1", 3);
  second.status = protocol::execution_status::kernel_died;
  again.end(second, 3, make_events(3, 1));
  s.write(again);
  pending_rows late;
  late.append("exe_1", 3, make_events(3, 1));
  late.append("exe_unknown", 1, make_events(1, 1));
  s.write(late);
  auto kept = s.file.find_execution("exe_1").value();
  CAF_REQUIRE(kept.has_value());
  CAF_CHECK_EQUAL(kept->status, protocol::execution_status::ok);
  CAF_CHECK_EQUAL(s.file.last_event("exe_1").value(), 2u);
  CAF_CHECK_EQUAL(s.file.last_event("exe_unknown").value(), 0u);
}

CAF_TEST(events are read up to a bound but at least one) {
  open_store s;
  s.end("exe_1", 3'000, 10, 1'000);
  CAF_CHECK_EQUAL(s.file.events("exe_1", 1, 1).value().size(), 1u);
  CAF_CHECK_EQUAL(s.file.events("exe_1", 1, 3'500).value().size(), 3u);
  CAF_CHECK_EQUAL(s.file.events("exe_1", 11, 3'500).value().size(), 0u);
}

CAF_TEST(a forgotten sandbox and its kernels are gone) {
  open_store s;
  pending_rows rows;
  rows.put(sample_spec());
  rows.put(protocol::mark_kernel{"box", "main", 4});
  s.write(rows);
  pending_rows later;
  later.forget("box");
  s.write(later);
  CAF_CHECK(s.file.sandboxes().value().empty());
  CAF_CHECK_EQUAL(s.file.generation("box", "main").value(), 0u);
}

CAF_TEST(retention by age removes what ended before and keeps what runs) {
  open_store s;
  pending_rows rows;
  rows.put(make_record("exe_running"));
  rows.put({"default", "old"}, claim{"hash", "exe_1", 900});
  rows.put({"default", "new"}, claim{"hash", "exe_2", 1'100});
  for (std::uint64_t n = 1; n <= 1'200; ++n)
    rows.put(pending_node_event{n, 500, "x", "{}", protocol::buffer("{}")});
  s.write(rows);
  s.end("exe_1", 999, 3, 16);
  s.end("exe_2", 1'000, 3, 16);
  retention keep;
  keep.oldest = 1'000;
  keep.bytes_max = 1 << 30;
  keep.claims_from = 1'000;
  s.prune(keep);
  CAF_CHECK(!s.has("exe_1"));
  CAF_CHECK_EQUAL(s.file.last_event("exe_1").value(), 0u);
  CAF_CHECK(s.has("exe_2"));
  CAF_CHECK(s.has("exe_running"));
  CAF_CHECK(!s.file.find_claim("default", "old").value().has_value());
  CAF_CHECK(s.file.find_claim("default", "new").value().has_value());
  // The last node event stays, so that numbers go on from it.
  CAF_CHECK_EQUAL(s.file.node_events(1, 1 << 20).value().size(), 1u);
  CAF_CHECK_EQUAL(s.file.last_node_event().value(), 1'200u);
}

CAF_TEST(retention by bytes removes the oldest in small steps and the pages are used again) {
  open_store s;
  for (int i = 0; i < 200; ++i) s.end("exe_" + std::to_string(i), 1'000 + i, 20, 1'000);
  auto before = s.file.bytes_used().value();
  retention keep;
  keep.bytes_max = before / 2;
  keep.step_us_max = 0;
  auto step = s.file.prune(keep).value();
  CAF_CHECK_EQUAL(step.steps, 1u);
  CAF_CHECK(step.more);
  CAF_CHECK(!s.has("exe_0"));
  CAF_CHECK(s.has("exe_1"));
  s.prune(keep);
  CAF_CHECK(s.file.bytes_used().value() <= keep.bytes_max);
  CAF_CHECK(s.file.bytes_used().value() > keep.bytes_max / 2);
  CAF_CHECK(s.has("exe_199"));
  CAF_CHECK(!s.has("exe_50"));
  CAF_REQUIRE(s.file.checkpoint());
  auto size = std::filesystem::file_size(s.dir / "journal.db");
  for (int i = 200; i < 250; ++i) s.end("exe_" + std::to_string(i), 1'000 + i, 20, 1'000);
  CAF_REQUIRE(s.file.checkpoint());
  CAF_CHECK(std::filesystem::file_size(s.dir / "journal.db") <= size);
}

CAF_TEST(retention by bytes ends when only node events are left) {
  open_store s;
  pending_rows rows;
  for (std::uint64_t n = 1; n <= 3'000; ++n)
    rows.put(pending_node_event{n, 500, "x", "{}", protocol::buffer(std::string(200, 'x'))});
  s.write(rows);
  retention keep;
  keep.bytes_max = 1;
  s.prune(keep);
  CAF_CHECK_EQUAL(s.file.node_events(1, 1 << 20).value().size(), 1u);
}

CAF_TEST(the file is for its owner only) {
  open_store s;
  s.end("exe_1", 1, 1, 16);
  for (auto name : {"journal.db", "journal.db-wal"}) {
    struct stat st {};
    CAF_REQUIRE_EQUAL(::stat((s.dir / name).c_str(), &st), 0);
    CAF_CHECK_EQUAL(st.st_mode & 0777, 0600u);
  }
}

CAF_TEST(a file that is no database is moved aside and a new one is begun) {
  temp_dir dir;
  std::ofstream(dir / "journal.db") << std::string(8'192, 'z');
  store s(dir.path());
  CAF_REQUIRE(s.open());
  pending_rows rows;
  rows.put(make_record("exe_1"));
  CAF_CHECK(s.write(rows));
  auto aside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.path().filename().string().starts_with("journal.db.corrupt-")) {
      ++aside;
      CAF_CHECK_EQUAL(entry.file_size(), 8'192u);
    }
  }
  CAF_CHECK_EQUAL(aside, 1);
}

CAF_TEST(a file of a newer version is refused and left alone) {
  open_store s;
  s.file.close();
  {
    sqlite_connection db;
    CAF_REQUIRE(db.open(s.dir / "journal.db", 100));
    CAF_REQUIRE(db.run("PRAGMA user_version=1000"));
  }
  auto opened = s.file.open();
  CAF_REQUIRE(!opened);
  CAF_CHECK_EQUAL(name_of(opened.error().kind), "cannot_open");
  CAF_CHECK(!s.file.is_open());
  CAF_CHECK(std::filesystem::exists(s.dir / "journal.db"));
}

CAF_TEST(a folder that cannot be made is a fault of its own kind) {
  temp_dir dir;
  std::ofstream(dir / "file") << "x";
  store s(dir / "file/below");
  auto opened = s.open();
  CAF_REQUIRE(!opened);
  CAF_CHECK_EQUAL(name_of(opened.error().kind), "cannot_open");
  CAF_CHECK(!s.write({}));
}

CAF_TEST(a lock that another holds is told as busy and nothing is written) {
  open_store s;
  sqlite_connection other;
  CAF_REQUIRE(other.open(s.dir / "journal.db", 100));
  CAF_REQUIRE(other.run("BEGIN IMMEDIATE"));
  pending_rows rows;
  rows.put(make_record("exe_1"));
  auto written = s.file.write(rows);
  CAF_REQUIRE(!written);
  CAF_CHECK_EQUAL(name_of(written.error().kind), "busy");
  CAF_REQUIRE(other.run("ROLLBACK"));
  CAF_CHECK(s.file.write(rows));
  CAF_CHECK(s.has("exe_1"));
}
