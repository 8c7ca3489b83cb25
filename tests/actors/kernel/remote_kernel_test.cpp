#define CAF_SUITE remote_kernel

#include "actors/kernel/kernel.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/test_env.hpp"

#include <caf/io/all.hpp>
#include <caf/test/io_dsl.hpp>

using namespace protocol;

namespace {

struct io_config : actors::node_config {
  io_config() { load<caf::io::middleman>(); }
};

/// Two nodes on one simulated network: `earth` has the kernel, `mars` the client.
struct fixture : point_to_point_fixture<test_coordinator_fixture<io_config>> {
  tests::test_env world{"/nowhere"};
  std::shared_ptr<tests::fake_kernel> process = std::make_shared<tests::fake_kernel>();
  tests::journal_record kept;
  tests::followed seen;

  actors::kernel_actor kernel;
  actors::kernel_actor proxy;
  actors::journal_actor journal;
  actors::follower_actor reader;

  fixture() {
    world.env.make_kernel_port = tests::ports_of(process);
    journal = earth.sys.spawn(tests::fake_journal, &kept);
    world.handles.put(journal);
    kernel = earth.sys.spawn(actors::kernel, &world.env,
                             actors::kernel_args{.sandbox_id = "s", .kernel_id = "k"});
    reader = mars.sys.spawn(tests::recorder, &seen);
    deliver();
    process->come_up();
    deliver();
    prepare_connection(earth, mars, "earth", 4242);
    CAF_REQUIRE_EQUAL(earth.publish(kernel, 4242), 4242);
    proxy = mars.remote_actor<actors::kernel_actor>("earth", 4242);
    CAF_REQUIRE(proxy != nullptr);
  }
  ~fixture() {
    for (auto& a : {caf::actor_cast<caf::actor>(kernel), caf::actor_cast<caf::actor>(journal),
                    caf::actor_cast<caf::actor>(reader)})
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    world.handles.clear();
    deliver();
  }

  /// All messages and all traffic, but no timer: `run` would let every deadline pass.
  void deliver() {
    auto step = [](planet_type& x) {
      return x.sched.try_run_once() || x.mpx.read_data() || x.mpx.try_exec_runnable() ||
             x.mpx.try_accept_connection();
    };
    do network_traffic();
    while (step(earth) || step(mars));
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(remote_kernel_tests, fixture)

CAF_TEST(an execution on a kernel of another node is followed to its end) {
  execution_request r{.id = "exe_far", .code = "print(1)"};
  auto answer = mars.self->request(proxy, caf::infinite, r, reader);
  deliver();
  answer.receive([](const execution_record& x) { CAF_CHECK_EQUAL(x.id, "exe_far"); },
                 [&](caf::error& e) { CAF_FAIL(mars.sys.render(e)); });
  process->run("exe_far", "from afar");
  deliver();
  CAF_REQUIRE(seen.ended);
  CAF_CHECK_EQUAL(seen.lines.size(), 4u);
  CAF_CHECK(seen.lines[1].find("from afar") != std::string::npos);
  CAF_CHECK_EQUAL(seen.record.status, execution_status::ok);
}

CAF_TEST_FIXTURE_SCOPE_END()
