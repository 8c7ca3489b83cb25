// Invariants, whatever looks find and in whatever order: a rise of a counter is told exactly once;
// executions are refused exactly while the workspace was last found over its limit; nothing is
// ordered of kernels while nothing is over.
#define CAF_SUITE budget_machine

#include "actors/limiter/budget_machine.hpp"

#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace actors;
using protocol::cause_kind;

namespace {

constexpr std::uint64_t mib = 1 << 20;

struct bench {
  protocol::limits limit{.memory_bytes = 100 * mib, .processes = 10, .disk_bytes = 10 * mib};
  budget_machine machine{limit, 1'000};
  protocol::sandbox_usage found{.grouped = true};
  double at_ms = 1'000'000;
  bool works = true;

  bench() { look(); }
  look_outcome look() {
    at_ms += 1'000;
    return machine.looked(found, works, at_ms, 5);
  }
  look_outcome look_at_disk(std::uint64_t bytes, double cpu_ms = 500) {
    found.disk_measured = true;
    found.disk_bytes = bytes;
    found.cpu_ms += cpu_ms;
    return look();
  }
  const protocol::limit_view& row(const std::string& name) {
    shown = machine.view("full", 3, 2);
    for (auto& each : shown.limits)
      if (each.name == name) return each;
    CAF_FAIL("no row " << name);
  }
  protocol::limits_view shown;
};

}  // namespace

CAF_TEST(what was counted before the first look is not told) {
  budget_machine m({}, 1'000);
  CAF_CHECK(m.looked({.grouped = true, .memory_kills = 7, .process_refusals = 9}, true, 1, 1)
                .hits.empty());
}

CAF_TEST(a refused fork and a kill at the memory limit are told once each) {
  bench b;
  b.found.memory_kills = 1;
  b.found.memory_peak_bytes = 100 * mib;
  b.found.process_refusals = 40;
  auto out = b.look();
  CAF_REQUIRE_EQUAL(out.hits.size(), 2u);
  CAF_CHECK(out.orders.empty());
  CAF_CHECK_EQUAL(to_json(out.hits[0], "s"),
                  R"({"sandbox_id":"s","limit":"memory_bytes","measure":104857600,)"
                  R"("of":104857600,"times":1,"action":"killed"})");
  CAF_CHECK_EQUAL(to_json(out.hits[1], "s"),
                  R"({"sandbox_id":"s","limit":"processes","measure":10,"of":10,"times":40,)"
                  R"("action":"refused"})");
  CAF_CHECK(b.look().hits.empty());
  CAF_CHECK_EQUAL(b.row("processes").last.action, "refused");
  CAF_CHECK_EQUAL(b.row("processes").last.at, 5);
  CAF_CHECK_EQUAL(b.row("cpus").last.at, 0);
}

CAF_TEST(a workspace that goes over its limit ends what runs and refuses what comes) {
  bench b;
  CAF_CHECK(b.look_at_disk(10 * mib).hits.empty());
  CAF_CHECK(!b.machine.refusal());
  auto out = b.look_at_disk(12 * mib);
  CAF_REQUIRE_EQUAL(out.hits.size(), 1u);
  CAF_CHECK_EQUAL(out.hits[0].action, "interrupted");
  CAF_REQUIRE_EQUAL(out.orders.size(), 1u);
  CAF_CHECK(!out.orders[0].kill);
  CAF_CHECK(out.orders[0].whose.empty());
  CAF_CHECK(out.orders[0].why.kind == cause_kind::disk_quota);
  CAF_CHECK_EQUAL(out.orders[0].why.limit, "disk_bytes=10485760");
  auto refusal = b.machine.refusal();
  CAF_REQUIRE(refusal);
  CAF_CHECK_EQUAL(to_string(refusal->code), "disk_quota");
  CAF_CHECK(protocol::is_json_object(refusal->members));
  CAF_CHECK(b.look_at_disk(12 * mib).hits.empty());  // told already
  b.look_at_disk(1 * mib);
  CAF_CHECK(!b.machine.refusal());
}

CAF_TEST(what goes on writing over the limit is killed) {
  bench b;
  b.works = false;
  auto first = b.look_at_disk(11 * mib);
  CAF_CHECK_EQUAL(first.hits.at(0).action, "refused");
  CAF_CHECK(b.look_at_disk(12 * mib, 0).orders.empty());
  CAF_CHECK(b.look_at_disk(14 * mib).orders.empty());  // it has a moment to stop
  auto out = b.look_at_disk(15 * mib);
  CAF_REQUIRE_EQUAL(out.orders.size(), 1u);
  CAF_CHECK(out.orders[0].kill);
  CAF_CHECK_EQUAL(out.hits.at(0).action, "killed");
  CAF_CHECK(b.look_at_disk(16 * mib).orders.empty());
  CAF_CHECK(b.look_at_disk(16 * mib).orders.empty());  // it has stopped
}

CAF_TEST(what takes space without processor time is killed though it rests between) {
  bench b;
  b.works = false;
  b.look();
  for (auto mibs : {11, 12, 12, 13, 13, 14, 14}) {
    CAF_CHECK(b.machine.by_clock(b.at_ms + 10'000).disk);
    CAF_CHECK(b.look_at_disk(mibs * mib, 0).orders.empty());
  }
  auto out = b.look_at_disk(15 * mib, 0);
  CAF_REQUIRE_EQUAL(out.orders.size(), 1u);
  CAF_CHECK(out.orders[0].kill);
  CAF_CHECK_EQUAL(out.hits.at(0).action, "killed");
}

CAF_TEST(random writes of clients kill nobody and those of the workload do) {
  auto seed = tests::seed();
  std::mt19937_64 random(seed);
  for (int n = 0; n < 500; ++n) {
    bench b;
    b.works = false;
    std::uint64_t client = 0, own = 11 * mib, seen = 0;
    auto look = [&] {
      b.machine.begins(client);
      client += random() % 3 * mib;
      seen = client;  // the files are measured, and clients go on
      client += random() % 3 * mib;
      b.found.put_bytes = client;
      return b.look_at_disk(own + seen, static_cast<double>(random() % 500));
    };
    look();
    for (int i = 0; i < 30; ++i) CAF_REQUIRE(look().orders.empty());
    bool killed = false;
    for (int i = 0; i < 40 && !killed; ++i) {
      if (random() % 2 == 0) own += 5 * mib;  // more than may go unseen at one look
      auto out = look();
      killed = !out.orders.empty() && out.orders[0].kill;
    }
    CAF_REQUIRE(killed);
  }
}

CAF_TEST(a workspace that cannot be measured counts as over) {
  bench b;
  b.found.disk_whole = false;
  b.look_at_disk(1);
  CAF_CHECK(b.machine.refusal());
}

CAF_TEST(a raised limit lets executions in at once and a lowered one at the next look) {
  bench b;
  b.look_at_disk(12 * mib);
  b.limit.disk_bytes = 20 * mib;
  b.machine.change(b.limit);
  CAF_CHECK(!b.machine.refusal());
  b.limit.disk_bytes = 5 * mib;
  b.machine.change(b.limit);
  CAF_CHECK(!b.machine.refusal());
  b.look_at_disk(12 * mib);
  CAF_CHECK(b.machine.refusal());
  b.limit.disk_bytes = 0;  // without
  b.machine.change(b.limit);
  CAF_CHECK(!b.machine.refusal());
}

CAF_TEST(without a control group the kernel with most memory is killed once too much is used) {
  bench b;
  b.found = {.memory_bytes = 101 * mib, .largest = "big"};
  auto out = b.look();
  CAF_REQUIRE_EQUAL(out.orders.size(), 1u);
  CAF_CHECK(out.orders[0].kill);
  CAF_CHECK_EQUAL(out.orders[0].whose, "big");
  CAF_CHECK(out.orders[0].why.kind == cause_kind::memory_limit);
  CAF_CHECK_EQUAL(out.hits.size(), 1u);
  CAF_CHECK(b.look().hits.empty());
  b.found.grouped = true;  // then the system holds it
  CAF_CHECK(b.look().orders.empty());
}

CAF_TEST(an idle sandbox is looked at less often and its files with it) {
  bench b;
  CAF_CHECK_EQUAL(b.machine.next_look_ms(), 1'000);
  CAF_CHECK(b.machine.by_clock(b.at_ms + 1'000).disk);
  b.works = false;
  b.look();
  CAF_CHECK_EQUAL(b.machine.next_look_ms(), 10'000);
  CAF_CHECK(b.machine.by_clock(b.at_ms + 10'000).disk);
  CAF_CHECK(b.machine.by_request(b.at_ms + 10'000).disk);
  b.found.cpu_ms += 200;  // something runs on in the background
  CAF_CHECK(b.look().sooner);
  CAF_CHECK_EQUAL(b.machine.next_look_ms(), 1'000);
  CAF_CHECK(!b.look().sooner);
  CAF_CHECK(b.machine.began());
  CAF_CHECK(!b.machine.began());
}

CAF_TEST(measuring takes a tenth of the time at most) {
  bench b;
  b.found.disk_walk_ms = 700;
  b.look_at_disk(1);
  CAF_CHECK(!b.machine.by_clock(b.at_ms + 6'900).disk);
  CAF_CHECK(!b.machine.by_request(b.at_ms + 6'900).disk);
  CAF_CHECK(b.machine.by_clock(b.at_ms + 7'000).disk);
}

CAF_TEST(the view tells what is used and who holds it) {
  bench b;
  b.found.memory_bytes = 30 * mib;
  b.found.processes = 4;
  b.found.cpu_ms += 500;
  b.look();
  CAF_CHECK_EQUAL(b.row("memory_bytes").used, 30.0 * mib);
  CAF_CHECK_EQUAL(b.row("memory_bytes").held_by, "control_group");
  CAF_CHECK_EQUAL(b.row("cpus").used, 0.5);
  CAF_CHECK_EQUAL(b.row("steps_per_turn").used, 3.0);
  CAF_CHECK_EQUAL(b.row("kernels_max").used, 2.0);
  CAF_CHECK_EQUAL(b.row("output_bytes").used, -1.0);
  CAF_CHECK_EQUAL(b.row("disk_bytes").held_by, "watch");
  auto at_none = b.machine.view("none", 0, 0);
  CAF_CHECK_EQUAL(at_none.limits[5].name, "open_files");
  CAF_CHECK(at_none.limits[5].held_by.empty());
}

CAF_TEST(random looks keep the invariants) {
  auto seed = tests::seed();
  std::mt19937_64 random(seed);
  bench b;
  std::uint64_t kills_told = 0, refusals_told = 0;
  for (int n = 0; n < 5'000; ++n) {
    b.found.memory_kills += random() % 2;
    b.found.process_refusals += random() % 3;
    b.found.disk_measured = random() % 2 == 0;
    b.found.disk_bytes = random() % (20 * mib);
    b.found.cpu_ms += static_cast<double>(random() % 2'000);
    b.works = random() % 2 == 0;
    auto before = b.machine.refusal().has_value();
    auto out = b.look();
    for (auto& hit : out.hits) {
      if (hit.limit == "memory_bytes") kills_told += hit.times;
      if (hit.limit == "processes") refusals_told += hit.times;
    }
    auto over = b.found.disk_measured ? b.found.disk_bytes > 10 * mib : before;
    CAF_REQUIRE_EQUAL(b.machine.refusal().has_value(), over);
    if (!over) CAF_REQUIRE(out.orders.empty());
  }
  CAF_CHECK_EQUAL(kills_told, b.found.memory_kills);
  CAF_CHECK_EQUAL(refusals_told, b.found.process_refusals);
}
