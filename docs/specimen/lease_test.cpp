#define CAF_SUITE specimen_lease
#include "docs/specimen/lease.hpp"
#include "tests/support/actor_fixture.hpp"

using namespace specimen;  // NOLINT: the test speaks of nothing else
using namespace std::chrono_literals;

namespace {

struct config : actors::node_config {
  config() { add_message_types<caf::id_block::specimen>(); }
};

struct fixture : test_coordinator_fixture<config> {
  lease_actor subject = sys.spawn(lease, 100);

  std::optional<lease_granted> take() {
    std::optional<lease_granted> got;
    auto answer = self->request(subject, 1s, take_lease{});
    sched.run();
    answer.receive([&](lease_granted& x) { got = x; }, [](caf::error&) {});
    return got;
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(specimen_lease_tests, fixture)

CAF_TEST(a lease that is held is refused until it is given back) {
  auto first = take();
  CAF_REQUIRE(first);
  CAF_CHECK(!take());
  self->send(subject, return_lease{first->number});
  CAF_CHECK(take());
}

CAF_TEST(a term that is over frees the lease and its late return changes nothing) {
  auto first = take();
  sched.advance_time(100ms);
  CAF_CHECK(take());
  self->send(subject, return_lease{first->number});
  CAF_CHECK(!take());
}

CAF_TEST_FIXTURE_SCOPE_END()
