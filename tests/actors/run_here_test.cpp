// Actors on the thread that wakes them: real threads and the real scheduler.
#define CAF_SUITE run_here

#include "actors/run_here.hpp"

#include <caf/all.hpp>
#include <deque>
#include <future>
#include <thread>

#include "actors/here_first.hpp"
#include "actors/node_config.hpp"
#include "tests/support/unit.hpp"

namespace {

struct node_config : actors::node_config {
  node_config() : actors::node_config(1) { load<actors::here_first>(); }
};

/// An I/O loop: runs what was posted until nothing is left.
struct loop {
  std::deque<std::function<void()>> posted;
  actors::run_here::post_function post = [this](auto f) { posted.push_back(std::move(f)); };

  void run() {
    for (; !posted.empty(); posted.pop_front()) posted.front()();
  }
};

using told_thread = std::promise<std::thread::id>;

/// Tells where it ran; asked for more depth, it lets another of its kind do it.
caf::behavior place(caf::event_based_actor* self, told_thread* to) {
  return {[self, to](int depth) {
    if (depth > 0)
      self->send(self->spawn(place, to), depth - 1);
    else
      to->set_value(std::this_thread::get_id());
    self->quit();
  }};
}

}  // namespace

CAF_TEST(whom a thread wakes runs there and so does whom that one wakes) {
  node_config config;
  caf::actor_system sys(config);
  loop io;
  actors::run_here here(io.post, std::chrono::minutes(1));
  told_thread place_of;
  auto ran = place_of.get_future();
  caf::anon_send(sys.spawn(place, &place_of), 3);
  CAF_CHECK(ran.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout);
  io.run();
  CAF_REQUIRE(ran.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
  CAF_CHECK(ran.get() == std::this_thread::get_id());
}

CAF_TEST(another thread wakes a worker) {
  node_config config;
  caf::actor_system sys(config);
  told_thread place_of;
  caf::anon_send(sys.spawn(place, &place_of), 0);
  CAF_CHECK(place_of.get_future().get() != std::this_thread::get_id());
}

CAF_TEST(what waits when the loop ends runs on a worker) {
  node_config config;
  caf::actor_system sys(config);
  loop io;
  told_thread place_of;
  {
    actors::run_here here(io.post);
    caf::anon_send(sys.spawn(place, &place_of), 1);
  }
  CAF_CHECK(place_of.get_future().get() != std::this_thread::get_id());
}

CAF_TEST(when the turn is over the rest goes to the workers) {
  node_config config;
  caf::actor_system sys(config);
  loop io;
  actors::run_here here(io.post, std::chrono::microseconds(0));
  told_thread first, second;
  caf::anon_send(sys.spawn(place, &first), 0);
  caf::anon_send(sys.spawn(place, &second), 0);
  io.run();
  CAF_CHECK(first.get_future().get() == std::this_thread::get_id());
  CAF_CHECK(second.get_future().get() != std::this_thread::get_id());
}
