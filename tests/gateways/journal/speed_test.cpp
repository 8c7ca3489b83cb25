// How long an execution waits for its end to be kept: the real detached actor, a real disk.
// Prints its measures; the bounds checked are loose, for machines that are busy with other things.
#define CAF_SUITE journal_speed

#include "tests/support/actor_fixture.hpp"

#include <algorithm>

#include "gateways/journal/journal.hpp"
#include "tests/gateways/journal/rows.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_env.hpp"

using namespace tests;
using namespace protocol;
using clock_type = std::chrono::steady_clock;

namespace {

struct fixture {
  fixture() {
    journal = sys.spawn<caf::detached>(gateways::journal, &world.env, &commits, dir.path());
  }
  ~fixture() {
    caf::scoped_actor self{sys};
    self->send_exit(journal, caf::exit_reason::user_shutdown);
    self->wait_for(journal);
  }
  temp_dir dir;
  test_env world{dir.path()};
  gateways::commit_log commits{dir.path()};
  actors::node_config config{2};
  caf::actor_system sys{config};
  actors::journal_actor journal;
};

double microseconds(clock_type::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(journal_speed_tests, fixture)

CAF_TEST(the end of a short execution is kept in well under a millisecond) {
  caf::scoped_actor self{sys};
  std::vector<double> times;
  int durable = 0;
  for (int i = 0; i < 3'000; ++i) {
    auto id = "exe_" + std::to_string(i * 7'919 % 10'007);
    self->send(journal, make_record(id, execution_state::queued));
    self->send(journal, make_record(id));
    self->send(journal, append_events{id, 1, make_events(1, 3)});
    auto begun = clock_type::now();
    self->request(journal, std::chrono::seconds(10),
                  commit_execution{make_ended(id, 5), 4, make_events(4, 2)})
        .receive([&](const committed& x) { durable += x.durable; },
                 [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
    times.push_back(microseconds(clock_type::now() - begun));
  }
  std::sort(times.begin(), times.end());
  auto p50 = times[times.size() / 2];
  CAF_MESSAGE("commit: p50 " << p50 << " us, p99 " << times[times.size() * 99 / 100] << " us, max "
                             << times.back() << " us");
  CAF_CHECK_EQUAL(durable, 3'000);
  CAF_CHECK(p50 < 2'000);
}

CAF_TEST(a flood of events is written in batches) {
  caf::scoped_actor self{sys};
  constexpr std::size_t rows = 200'000;
  constexpr std::size_t each = 20;
  self->send(journal, make_record("exe_1"));
  auto events = make_events(1, each, 100);
  auto begun = clock_type::now();
  for (std::size_t n = 1; n < rows; n += each)
    self->send(journal, append_events{"exe_1", n, events});
  self->request(journal, std::chrono::seconds(60),
                commit_execution{make_ended("exe_1", rows + 1), rows + 1, make_events(rows + 1, 1)})
      .receive([](const committed& x) { CAF_REQUIRE(x.durable); },
               [&](caf::error& e) { CAF_FAIL(sys.render(e)); });
  auto seconds = microseconds(clock_type::now() - begun) / 1e6;
  CAF_MESSAGE("events: " << rows / seconds << " rows a second in "
                         << world.views.counters.journal_commits << " transactions");
  CAF_CHECK(rows / seconds > 10'000);
}

CAF_TEST_FIXTURE_SCOPE_END()
