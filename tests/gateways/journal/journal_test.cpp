#define CAF_SUITE journal

#include "tests/support/actor_fixture.hpp"

#include <fstream>

#include "gateways/journal/journal.hpp"
#include "tests/gateways/journal/rows.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_env.hpp"

using namespace tests;
using namespace protocol;
using namespace std::chrono_literals;

namespace {

/// Collects what it is sent.
actors::follower_actor::behavior_type recorder(actors::follower_actor::pointer,
                                               std::vector<event_batch>* out) {
  return {[out](const event_batch& batch) { out->push_back(batch); }};
}

struct fixture : actor_fixture {
  fixture() { begin(); }
  ~fixture() override { end(); }

  void begin(const std::string& folder) {
    commits_in_log = std::make_unique<gateways::commit_log>(folder);
    journal = sys.spawn(gateways::journal, &world.env, commits_in_log.get(), folder);
    deliver();
  }
  void begin() { begin(dir.path()); }
  void end() { stop(journal); }
  void restart() {
    end();
    begin();
  }

  execution_record load(const std::string& id) {
    return ask<execution_record>(journal, load_execution{id});
  }
  event_batch events(const std::string& id, std::uint64_t from = 1, std::uint64_t max = 1 << 20) {
    return ask<event_batch>(journal, load_events{id, from, max});
  }
  committed commit(const std::string& id, std::uint64_t first, std::size_t count) {
    return ask<committed>(journal,
                          commit_execution{make_ended(id, first + count - 1, world.clock.at), first,
                                           make_events(first, count)});
  }
  void append(const std::string& id, std::uint64_t first, std::size_t count,
              std::size_t size = 16) {
    self->send(journal, append_events{id, first, make_events(first, count, size)});
    deliver();
  }
  void put(const execution_record& record) {
    self->send(journal, record);
    deliver();
  }
  execution_record make_keyed(const std::string& id) const {
    auto r = make_record(id);
    r.queued_at = world.clock.at;
    r.idempotency_key = "key";
    r.body_hash = "hash";
    return r;
  }
  void happened(const std::string& type) { self->send(journal, node_event{type, "{}"}); }
  auto commits() { return world.views.counters.journal_commits.load(); }

  temp_dir dir;
  test_env world{dir.path()};
  std::unique_ptr<gateways::commit_log> commits_in_log;
  actors::journal_actor journal;
};

std::string type_of(const buffer& line) {
  return std::string(event_type(line.view()));
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(journal_tests, fixture)

CAF_TEST(an execution is read the same before and after it is written) {
  put(make_record("exe_1", execution_state::queued));
  put(make_record("exe_1"));
  append("exe_1", 1, 3);
  CAF_CHECK_EQUAL(commits(), 0u);
  for (int round = 0; round < 2; ++round) {
    auto record = load("exe_1");
    CAF_CHECK_EQUAL(record.state, execution_state::running);
    CAF_CHECK_EQUAL(record.last_event, 3u);
    auto batch = events("exe_1", 2);
    CAF_CHECK_EQUAL(batch.first, 2u);
    CAF_CHECK_EQUAL(batch.events.size(), 2u);
    CAF_CHECK(!batch.ended);
    pass(20ms);
  }
  CAF_CHECK_EQUAL(commits(), 1u);
  append("exe_1", 4, 2);
  auto batch = events("exe_1", 2);
  CAF_CHECK_EQUAL(batch.events.size(), 4u);
  CAF_CHECK(batch.events[3] == make_events(5, 1)[0]);
  CAF_CHECK_EQUAL(load("exe_1").last_event, 5u);
}

CAF_TEST(an end is answered when it is on disk) {
  put(make_record("exe_1"));
  append("exe_1", 1, 3);
  CAF_CHECK(commit("exe_1", 4, 1).durable);
  CAF_CHECK_EQUAL(commits(), 1u);
  gateways::store other(dir.path());
  CAF_REQUIRE(other.open());
  auto kept = other.find_execution("exe_1").value();
  CAF_REQUIRE(kept.has_value());
  CAF_CHECK_EQUAL(kept->state, execution_state::ended);
  CAF_CHECK_EQUAL(other.last_event("exe_1").value(), 4u);
}

CAF_TEST(ends that come together are written together) {
  auto send = [&](const std::string& id) {
    self->send(journal, make_record(id));
    return self->request(journal, caf::infinite,
                         commit_execution{make_ended(id, 1), 1, make_events(1, 1)});
  };
  std::vector<decltype(send(""))> requests;
  for (int i = 0; i < 20; ++i) requests.push_back(send("exe_" + std::to_string(i)));
  deliver();
  CAF_CHECK_EQUAL(commits(), 1u);
  for (auto& request : requests) {
    request.receive([](const committed& x) { CAF_CHECK(x.durable); },
                    [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
  }
}

CAF_TEST(an end that waits when the journal is stopped is written and answered) {
  auto request = self->request(journal, caf::infinite,
                               commit_execution{make_ended("exe_1", 1), 1, make_events(1, 1)});
  sched.run_once();
  CAF_CHECK_EQUAL(commits(), 0u);
  restart();
  request.receive([](const committed& x) { CAF_CHECK(x.durable); },
                  [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
  CAF_CHECK(load("exe_1").state == execution_state::ended);
}

CAF_TEST(nothing ticks while nothing waits) {
  commit("exe_1", 1, 1);
  pass(5s);
  CAF_CHECK_EQUAL(sched.clock().schedule().size(), 1u);  // the pruning, once a minute
}

CAF_TEST(an execution that has ended keeps its first end) {
  commit("exe_1", 1, 2);
  auto second = make_ended("exe_1", 3);
  second.status = execution_status::kernel_died;
  CAF_CHECK(ask<committed>(journal, commit_execution{second, 3, make_events(3, 1)}).durable);
  CAF_CHECK_EQUAL(load("exe_1").status, execution_status::ok);
  CAF_CHECK_EQUAL(load("exe_1").last_event, 2u);
  CAF_CHECK_EQUAL(events("exe_1").events.size(), 2u);
}

CAF_TEST(events of an ended execution end with its end and beyond it there are none) {
  commit("exe_1", 1, 5);
  auto all = events("exe_1");
  CAF_CHECK_EQUAL(all.events.size(), 5u);
  CAF_CHECK(all.ended);
  CAF_CHECK_EQUAL(all.record.id, "exe_1");
  auto beyond = events("exe_1", 99);
  CAF_CHECK(beyond.ended);
  CAF_CHECK_EQUAL(beyond.first, 99u);
  CAF_CHECK(beyond.events.empty());
  auto next = std::uint64_t{1};
  while (true) {
    auto batch = events("exe_1", next, 1);
    CAF_CHECK_EQUAL(batch.first, next);
    CAF_CHECK_EQUAL(batch.events.size(), 1u);
    CAF_CHECK_EQUAL(batch.ended, next == 5);
    if (++next > 5) break;
  }
}

CAF_TEST(an unknown execution is an error of its own) {
  auto expected = caf::make_error(error_code::execution_not_found);
  CAF_CHECK_EQUAL(ask_in_vain<execution_record>(journal, load_execution{"exe_9"}), expected);
  CAF_CHECK_EQUAL(ask_in_vain<event_batch>(journal, load_events{"exe_9", 1, 100}), expected);
}

CAF_TEST(a key stands for the first execution for a day) {
  auto claim = [&](std::string hash, std::string id) {
    return ask<std::string>(journal, claim_key{"default", "key", std::move(hash), std::move(id)});
  };
  CAF_CHECK_EQUAL(claim("hash", "exe_1"), "exe_1");
  put(make_keyed("exe_1"));
  CAF_CHECK_EQUAL(claim("hash", "exe_2"), "exe_1");
  restart();
  CAF_CHECK_EQUAL(claim("hash", "exe_3"), "exe_1");
  auto refused = ask_in_vain<std::string>(journal, claim_key{"default", "key", "other", "exe_4"});
  CAF_CHECK_EQUAL(refused, caf::make_error(error_code::idempotency_mismatch));
  CAF_CHECK_EQUAL(ask<std::string>(journal, claim_key{"box", "key", "other", "exe_4"}), "exe_4");
  world.clock.at += 24 * 3'600 * 1'000;
  CAF_CHECK_EQUAL(claim("other", "exe_5"), "exe_5");
}

CAF_TEST(a key whose execution never began is free again) {
  auto claim = [&](std::string id) {
    return ask<std::string>(journal, claim_key{"default", "key", "hash", std::move(id)});
  };
  CAF_CHECK_EQUAL(claim("exe_1"), "exe_1");
  CAF_CHECK_EQUAL(claim("exe_2"), "exe_1");
  self->send(journal, release_key{"default", "key", "exe_2"});  // not its own
  CAF_CHECK_EQUAL(claim("exe_2"), "exe_1");
  self->send(journal, release_key{"default", "key", "exe_1"});
  CAF_CHECK_EQUAL(claim("exe_3"), "exe_3");
  restart();
  CAF_CHECK_EQUAL(claim("exe_4"), "exe_4");
  world.clock.at += 60'001;
  CAF_CHECK_EQUAL(claim("exe_5"), "exe_5");
  put(make_keyed("exe_5"));
  self->send(journal, release_key{"default", "key", "exe_5"});  // too late
  CAF_CHECK_EQUAL(claim("exe_6"), "exe_5");
}

CAF_TEST(a restarted journal knows what was left unfinished) {
  self->send(journal, mark_kernel{"default", "main", 7});
  put(make_record("exe_1"));
  append("exe_1", 1, 4);
  put(make_record("exe_2", execution_state::queued));
  commit("exe_3", 1, 1);
  append("exe_1", 5, 2);
  for (int round = 0; round < 2; ++round) {
    auto memory = ask<kernel_memory>(journal, load_kernel{"default", "main"});
    CAF_CHECK_EQUAL(memory.generation, 7u);
    CAF_REQUIRE_EQUAL(memory.unfinished.size(), 2u);
    CAF_CHECK_EQUAL(memory.unfinished[0].id, "exe_1");
    CAF_CHECK_EQUAL(memory.unfinished[0].last_event, 6u);
    CAF_CHECK_EQUAL(memory.unfinished[1].last_event, 0u);
    restart();
  }
  auto other = ask<kernel_memory>(journal, load_kernel{"default", "other"});
  CAF_CHECK_EQUAL(other.generation, 0u);
  CAF_CHECK(other.unfinished.empty());
}

CAF_TEST(sandboxes are kept until they are forgotten) {
  sandbox_spec spec;
  spec.id = "box";
  self->send(journal, spec);
  CAF_CHECK_EQUAL(ask<sandbox_list>(journal, load_sandboxes{}).specs.size(), 1u);
  restart();
  CAF_CHECK_EQUAL(ask<sandbox_list>(journal, load_sandboxes{}).specs.size(), 1u);
  self->send(journal, forget_sandbox{"box"});
  CAF_CHECK(ask<sandbox_list>(journal, load_sandboxes{}).specs.empty());
  restart();
  CAF_CHECK(ask<sandbox_list>(journal, load_sandboxes{}).specs.empty());
}

CAF_TEST(node events are numbered on over restarts and sent together to those who watch) {
  happened("one");
  happened("two");
  restart();
  std::vector<event_batch> seen;
  auto follower = sys.spawn(recorder, &seen);
  happened("three");
  auto last = ask<std::uint64_t>(journal, follow_execution{"", 1, true}, follower);
  CAF_CHECK_EQUAL(last, 3u);
  happened("four");
  happened("five");
  deliver();
  CAF_REQUIRE_EQUAL(seen.size(), 1u);
  CAF_CHECK_EQUAL(seen[0].first, 4u);
  CAF_CHECK_EQUAL(seen[0].execution_id, "");
  CAF_REQUIRE_EQUAL(seen[0].events.size(), 2u);
  CAF_CHECK_EQUAL(type_of(seen[0].events[1]), "five");
  auto batch = events("", 2);
  CAF_CHECK_EQUAL(batch.first, 2u);
  CAF_CHECK_EQUAL(batch.events.size(), 4u);
  CAF_CHECK(!batch.ended);
  CAF_CHECK(batch.events[3] == render_node_event(5, "five", world.clock.at, "{}"));
  stop(follower);
  happened("six");
  deliver();
  CAF_CHECK_EQUAL(seen.size(), 1u);
}

CAF_TEST(what is too old is removed once a minute) {
  commit("exe_1", 1, 1);
  pass(100ms);
  world.clock.at += world.settings.journal.retention_s * 1'000 + 1;
  commit("exe_2", 1, 1);
  pass(61s);
  auto expected = caf::make_error(error_code::execution_not_found);
  CAF_CHECK_EQUAL(ask_in_vain<execution_record>(journal, load_execution{"exe_1"}), expected);
  CAF_CHECK_EQUAL(load("exe_2").id, "exe_2");
}

CAF_TEST(a disk that refuses from the start loses durability and gives it back) {
  happened("before");
  end();
  std::ofstream(dir / "blocked") << "a file where a folder is wanted";
  begin(dir / "blocked");
  CAF_CHECK(!world.views.durable);
  CAF_CHECK(!commit("exe_1", 1, 3).durable);
  CAF_CHECK_EQUAL(load("exe_1").state, execution_state::ended);
  CAF_CHECK(events("exe_1", 2).ended);
  CAF_CHECK_EQUAL(ask<std::string>(journal, claim_key{"default", "k", "h", "exe_1"}), "exe_1");
  CAF_CHECK_EQUAL(ask<std::string>(journal, claim_key{"default", "k", "h", "exe_2"}), "exe_1");
  CAF_CHECK_EQUAL(type_of(events("").events.at(0)), "durability_lost");
  CAF_CHECK(world.views.counters.journal_pending_bytes > 0);
  pass(2s);
  CAF_CHECK(!world.views.durable);
  CAF_CHECK(world.views.counters.journal_failures >= 2);
  std::filesystem::remove(dir / "blocked");
  pass(8s);
  CAF_CHECK(world.views.durable);
  CAF_CHECK(commit("exe_2", 1, 1).durable);
  auto told = events("");
  CAF_REQUIRE_EQUAL(told.events.size(), 2u);
  CAF_CHECK_EQUAL(type_of(told.events[1]), "durability_restored");
  CAF_CHECK_EQUAL(world.views.counters.journal_pending_bytes.load(), 0);
  end();
  begin(dir / "blocked");
  CAF_CHECK_EQUAL(load("exe_1").last_event, 3u);
}

CAF_TEST(node events from before the file could be read are numbered after those in it) {
  happened("one");
  happened("two");
  end();
  std::filesystem::rename(dir / "journal.db", dir / "away");
  std::filesystem::create_directory(dir / "journal.db");
  begin();
  CAF_CHECK(!world.views.durable);
  CAF_CHECK_EQUAL(events("").events.size(), 1u);
  std::filesystem::remove(dir / "journal.db");
  std::filesystem::rename(dir / "away", dir / "journal.db");
  pass(3s);
  CAF_CHECK(world.views.durable);
  auto all = events("");
  CAF_REQUIRE_EQUAL(all.events.size(), 4u);
  CAF_CHECK_EQUAL(type_of(all.events[0]), "one");
  CAF_CHECK_EQUAL(type_of(all.events[2]), "durability_lost");
  CAF_CHECK(all.events[2].view().starts_with("{\"n\":3"));
}

CAF_TEST(a lock held by another is ridden out and the end of an execution is known) {
  put(make_record("exe_1"));
  pass(20ms);
  gateways::sqlite_connection other;
  CAF_REQUIRE(other.open(dir / "journal.db", 100));
  CAF_REQUIRE(other.run("BEGIN IMMEDIATE"));
  CAF_CHECK(!commit("exe_1", 1, 2).durable);
  CAF_CHECK(!world.views.durable);
  CAF_CHECK_EQUAL(load("exe_1").state, execution_state::ended);
  CAF_CHECK(!commit("exe_1", 3, 1).durable);
  CAF_CHECK_EQUAL(load("exe_1").last_event, 2u);
  CAF_REQUIRE(other.run("ROLLBACK"));
  pass(1'100ms);
  CAF_CHECK(world.views.durable);
  restart();
  CAF_CHECK_EQUAL(load("exe_1").last_event, 2u);
}

CAF_TEST(what waits for the disk is bounded and what was dropped is counted) {
  world.settings.journal.pending_bytes_max = 100'000;
  end();
  begin("/dev/null/journal");
  put(make_record("exe_1"));
  for (std::uint64_t n = 1; n < 400; ++n) append("exe_1", n, 1, 1'000);
  CAF_CHECK(world.views.counters.journal_pending_bytes <= 100'000);
  CAF_CHECK(world.views.counters.journal_rows_dropped > 200);
  CAF_CHECK_EQUAL(load("exe_1").last_event, 399u);
  auto batch = events("exe_1", 1);
  CAF_CHECK(batch.first > 200);
  CAF_CHECK_EQUAL(batch.first + batch.events.size(), 400u);
  CAF_CHECK(!commit("exe_1", 400, 1).durable);
  CAF_CHECK(events("exe_1", batch.first).ended);
}

CAF_TEST(a damaged file is moved aside and the end that met it is on disk) {
  for (int i = 0; i < 50; ++i) commit("exe_" + std::to_string(i), 1, 20);
  end();
  {
    std::fstream file(dir / "journal.db", std::ios::in | std::ios::out | std::ios::binary);
    auto size = std::filesystem::file_size(dir / "journal.db");
    file.seekp(8'192);
    file << std::string(size - 8'192, '\xff');
  }
  begin();
  CAF_CHECK_EQUAL(type_of(events("").events.at(0)), "journal_replaced");
  put(make_record("exe_new"));
  CAF_CHECK(commit("exe_new", 1, 2).durable);
  CAF_CHECK(world.views.durable);
  restart();
  CAF_CHECK_EQUAL(load("exe_new").last_event, 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
