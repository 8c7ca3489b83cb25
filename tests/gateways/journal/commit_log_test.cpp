#define CAF_SUITE commit_log

#include "gateways/journal/commit_log.hpp"

#include "tests/support/actor_fixture.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "gateways/journal/journal.hpp"
#include "protocol/resource.hpp"
#include "tests/gateways/journal/rows.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_env.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace protocol;
using namespace std::chrono_literals;
using gateways::commit_entry;
using gateways::commit_log;
using gateways::read_commits;

namespace {

commit_execution end_of(const std::string& id, std::size_t events = 3) {
  return {make_ended(id, events), 1, make_events(1, events), 0};
}

bool same(const commit_execution& a, const commit_execution& b) {
  return record_json(a.record) == record_json(b.record) && a.events == b.events;
}

std::vector<std::string> files_in(const temp_dir& dir) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    if (entry.path().extension() == ".log") out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

CAF_TEST(what is kept is read back whole by the next daemon) {
  temp_dir dir;
  {
    commit_log log(dir.path());
    CAF_CHECK(log.leftovers().empty());
    for (int i = 0; i < 10; ++i) CAF_CHECK_EQUAL(log.keep(end_of("exe_" + std::to_string(i))), 1u);
  }
  struct stat s {};
  ::stat(files_in(dir).at(0).c_str(), &s);
  CAF_CHECK_EQUAL(s.st_mode & 0777, 0600u);
  commit_log next(dir.path());
  auto left = next.leftovers();
  CAF_REQUIRE_EQUAL(left.size(), 10u);
  for (int i = 0; i < 10; ++i) CAF_CHECK(same(left[i], end_of("exe_" + std::to_string(i))));
  CAF_CHECK_EQUAL(next.keep(end_of("exe_new")), 2u);
  next.leftovers_written();
  CAF_CHECK_EQUAL(files_in(dir).size(), 1u);
  next.written(1, 10);  // of a file that has gone
  next.written(2, 1);
  CAF_CHECK(files_in(dir).empty());
}

CAF_TEST(a file stays until all of it is written) {
  temp_dir dir;
  commit_log log(dir.path());
  auto file = log.keep(end_of("exe_1"));
  CAF_CHECK_EQUAL(log.keep(end_of("exe_2")), file);
  log.written(file, 1);
  CAF_CHECK_EQUAL(files_in(dir).size(), 1u);
  log.written(file, 1);
  CAF_CHECK(files_in(dir).empty());
  CAF_CHECK(log.keep(end_of("exe_3")) > file);
}

CAF_TEST(what is too large or has begun elsewhere is left to the journal) {
  temp_dir dir;
  commit_log log(dir.path());
  auto later = end_of("exe_1");
  later.first = 2;
  CAF_CHECK_EQUAL(log.keep(later), 0u);
  auto large = end_of("exe_1");
  large.events = make_events(1, 10, 100'000);
  CAF_CHECK_EQUAL(log.keep(large), 0u);
  CAF_CHECK(files_in(dir).empty());
}

CAF_TEST(files are bounded in size and in sum) {
  temp_dir dir;
  commit_log log(dir.path());
  auto large = end_of("exe_1");
  large.events = make_events(1, 2, 100'000);
  std::uint64_t kept = 0;
  while (log.keep(large) != 0) CAF_REQUIRE(++kept < 1'000);
  std::uint64_t bytes = 0;
  for (auto& name : files_in(dir)) {
    auto size = std::filesystem::file_size(name);
    CAF_CHECK(size < (5u << 20));
    bytes += size;
  }
  CAF_CHECK(bytes > (60u << 20) && bytes <= (64u << 20));
  commit_log next(dir.path());
  CAF_CHECK_EQUAL(next.leftovers().size(), kept);
}

CAF_TEST(a folder that refuses is an answer and not a fault) {
  commit_log log("/dev/null/nowhere");
  CAF_CHECK(log.leftovers().empty());
  CAF_CHECK_EQUAL(log.keep(end_of("exe_1")), 0u);
}

CAF_TEST(a cut or damaged file gives the entries before the damage) {
  std::mt19937_64 random(tests::seed());
  std::string text;
  std::vector<std::size_t> ends;
  for (int i = 0; i < 5; ++i) {
    text += commit_entry(end_of("exe_" + std::to_string(i)));
    ends.push_back(text.size());
  }
  auto whole_before = [&](std::size_t at) {
    return static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [&](auto end) { return end <= at; }));
  };
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CAF_REQUIRE_EQUAL(read_commits(std::string_view(text).substr(0, cut)).size(),
                      whole_before(cut));
  for (int i = 0; i < 2'000; ++i) {
    auto broken = text;
    auto at = random() % broken.size();
    broken[at] = static_cast<char>(broken[at] ^ (1 << random() % 8));
    auto read = read_commits(broken);
    CAF_REQUIRE(read.size() <= 5);
    for (std::size_t n = 0; n < std::min(read.size(), whole_before(at)); ++n)
      CAF_REQUIRE(same(read[n], end_of("exe_" + std::to_string(n))));
    CAF_REQUIRE(read.size() >= whole_before(at));
  }
}

namespace {

struct fixture : actor_fixture {
  ~fixture() override { stop(journal); }
  void begin() {
    journal = sys.spawn(gateways::journal, &world.env, &*log, dir.path());
    deliver();
  }
  execution_record load(const std::string& id) {
    return ask<execution_record>(journal, load_execution{id});
  }
  temp_dir dir;
  test_env world{dir.path()};
  std::optional<commit_log> log{std::in_place, dir.path()};
  actors::journal_actor journal;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(commit_log_tests, fixture)

CAF_TEST(a journal takes what the log has and lets the file go once it is in its tables) {
  begin();
  auto end = end_of("exe_1");
  end.log_file = log->keep(end);
  CAF_REQUIRE_EQUAL(end.log_file, 1u);
  caf::anon_send(journal, end);
  deliver();
  CAF_CHECK_EQUAL(load("exe_1").last_event, 3u);
  CAF_CHECK_EQUAL(world.views.counters.journal_commits.load(), 0u);
  CAF_CHECK_EQUAL(files_in(dir).size(), 1u);
  pass(gateways::journal_state::lazy_factor *
       std::chrono::milliseconds(world.settings.journal.flush_ms));
  CAF_CHECK_EQUAL(world.views.counters.journal_commits.load(), 1u);
  CAF_CHECK(files_in(dir).empty());
}

CAF_TEST(an end that was kept outlives a daemon that wrote no table) {
  auto end = end_of("exe_1");
  end.record.idempotency_key = "key";
  end.record.body_hash = "hash";
  end.record.queued_at = world.clock.at;
  CAF_REQUIRE(log->keep(end) != 0);
  log.emplace(dir.path());
  begin();
  CAF_CHECK(files_in(dir).empty());
  CAF_CHECK_EQUAL(load("exe_1").status, execution_status::ok);
  CAF_CHECK(ask<event_batch>(journal, load_events{"exe_1", 1, 1'000'000}).ended);
  CAF_CHECK_EQUAL(ask<std::string>(journal, claim_key{"default", "key", "hash", "exe_2"}), "exe_1");
  CAF_CHECK(ask<kernel_memory>(journal, load_kernel{"default", "main"}).unfinished.empty());
}

CAF_TEST(a journal that is started again finds what is still on its way to it) {
  begin();
  auto end = end_of("exe_1");
  end.log_file = log->keep(end);
  stop(journal);
  begin();
  CAF_CHECK_EQUAL(load("exe_1").last_event, 3u);
  caf::anon_send(journal, end);  // the message that its predecessor did not get
  deliver();
  pass(gateways::journal_state::lazy_factor *
       std::chrono::milliseconds(world.settings.journal.flush_ms));
  CAF_CHECK(files_in(dir).empty());
  CAF_CHECK_EQUAL(load("exe_1").last_event, 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
