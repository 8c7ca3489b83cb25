// The clock of the real scheduler, on real threads.
#define CAF_SUITE quiet_clock

#include "actors/quiet_clock.hpp"

#include <caf/all.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "actors/here_first.hpp"
#include "actors/node_config.hpp"
#include "tests/support/unit.hpp"

using namespace std::literals;

namespace {

struct fixture : actors::node_config {
  fixture() : actors::node_config(1) { load<actors::here_first>(); }
};

caf::behavior echo() {
  return {[](int n) { return n; }};
}

/// How often the thread of that name has slept.
std::uint64_t sleeps_of(const std::string& name) {
  for (auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm"), status(task.path() / "status");
    std::string line;
    if (!std::getline(comm, line) || line != name) continue;
    while (std::getline(status, line))
      if (constexpr auto key = "voluntary_ctxt_switches:"sv; line.starts_with(key))
        return std::stoull(line.substr(key.size()));
  }
  return 0;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(quiet_clock_tests, fixture)

CAF_TEST(what is due first comes first whatever was set first) {
  caf::actor_system sys(*this);
  caf::scoped_actor self(sys);
  auto began = std::chrono::steady_clock::now();
  self->delayed_send(self, 1h, 4);
  self->delayed_send(self, 60ms, 3);
  self->delayed_send(self, 40ms, 2);
  self->delayed_send(self, 1ms, 1);
  for (int expected = 1; expected <= 3; ++expected)
    self->receive([&](int n) { CAF_CHECK_EQUAL(n, expected); });
  CAF_CHECK(std::chrono::steady_clock::now() - began >= 60ms);
}

CAF_TEST(a request that nobody answers ends in time) {
  caf::actor_system sys(*this);
  caf::scoped_actor self(sys);
  auto mute = sys.spawn([](caf::event_based_actor* a) -> caf::behavior {
    return {[a, kept = std::vector<caf::response_promise>()](int) mutable {
      kept.push_back(a->make_response_promise());
      return kept.back();
    }};
  });
  auto asker = sys.spawn([mute,
                          to = caf::actor_cast<caf::actor>(self.ptr())](caf::event_based_actor* a) {
    a->request(mute, 30ms, 1).then([](int) {}, [a, to](const caf::error& e) { a->send(to, e); });
  });
  self->receive([&](const caf::error& e) { CAF_CHECK(e == caf::sec::request_timeout); });
  self->send_exit(mute, caf::exit_reason::user_shutdown);
}

CAF_TEST(requests that are answered do not wake it) {
  caf::actor_system sys(*this);
  caf::scoped_actor self(sys);
  auto peer = sys.spawn(echo);
  self->delayed_send(self, 1h, "long after"s);
  self->delayed_send(self, 1ms, 0);
  self->receive([](int) {});  // it runs
  auto before = sleeps_of("clock");
  CAF_REQUIRE(before > 0);
  auto asker = sys.spawn([peer, to = caf::actor_cast<caf::actor>(self.ptr())](
                             caf::event_based_actor* a) -> caf::behavior {
    return {[a, peer, to](int left) {
      a->request(peer, 5s, left).then([a, to](int n) {
        if (n > 0) a->send(a, n - 1);
        if (n == 0) a->send(to, n), a->quit();
      });
    }};
  });
  self->send(asker, 1'000);
  self->receive([](int) {});
  CAF_CHECK(sleeps_of("clock") <= before + 3);
}

CAF_TEST_FIXTURE_SCOPE_END()
