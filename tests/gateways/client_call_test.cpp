// One call of a client as an actor, before real actors and a kernel that does as it is told.
#define CAF_SUITE client_call

#include "gateways/actor_port.hpp"

#include "actors/sandbox/sandbox.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/browser_port.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_env.hpp"

namespace {

namespace call = gateways::call;

struct recorded : gateways::reply_sink {
  void accepted(std::string) override {}
  void events(std::uint64_t, std::vector<protocol::buffer>) override { ++batches; }
  void answered(int code, protocol::buffer text, std::string) override {
    ++finals, status = code, body = text.view();
  }
  void failed(protocol::fault f) override { ++finals, body = std::move(f.detail); }
  void finished() override { ++finals; }

  int finals = 0, batches = 0, status = 0;
  std::string body;
};

struct fixture : tests::actor_fixture {
  tests::temp_dir dir;
  tests::test_env world{dir.path()};
  std::shared_ptr<tests::fake_kernel> process = std::make_shared<tests::fake_kernel>();
  tests::journal_record kept;
  actors::journal_actor journal = sys.spawn(tests::fake_journal, &kept);
  actors::sandbox_actor sandbox;
  std::unique_ptr<gateways::client_port> port = gateways::make_actor_port(sys, world.env);
  std::shared_ptr<recorded> seen = std::make_shared<recorded>();
  std::unique_ptr<gateways::call_handle> client;

  fixture() {
    world.env.make_kernel_port = tests::ports_of(process);
    world.env.make_browser_port = tests::no_browser;
    world.handles.put(journal);
    world.commits.file = 7;
    protocol::sandbox_spec spec{.id = "s"};
    spec.limit.kernels_max = 1;
    sandbox = sys.spawn(actors::sandbox, &world.env, spec);
    deliver();
    process->come_up();
    deliver();
  }
  ~fixture() override {
    client.reset();
    world.handles.clear();
    stop(sandbox);
    stop(journal);
  }
  void execute(call::form as) {
    call::execute what;
    what.request.sandbox_id = "s";
    what.request.kernel_id = "main";
    what.request.code = "1";
    what.as = as;
    client = port->submit(std::move(what), seen);
    deliver();
  }
  void run() {
    process->run(process->sent.back().msg_id, "x");
    deliver();
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(client_call_tests, fixture)

CAF_TEST(who waits is answered once with all of it) {
  execute(call::form::whole);
  CAF_CHECK_EQUAL(seen->finals, 0);
  run();
  CAF_CHECK_EQUAL(seen->finals, 1);
  CAF_CHECK_EQUAL(seen->status, 200);
  CAF_CHECK(seen->body.find(R"("text":"x")") != std::string::npos);
}

CAF_TEST(a stream has its events and one end) {
  execute(call::form::stream);
  run();
  CAF_CHECK(seen->batches > 0);
  CAF_CHECK_EQUAL(seen->finals, 1);
}

CAF_TEST(what is not waited for is answered when it is kept) {
  kept.holds = true;
  execute(call::form::begin);
  CAF_CHECK_EQUAL(seen->finals, 0);
  caf::anon_send(journal, actors::tick{});
  deliver();
  CAF_CHECK_EQUAL(seen->finals, 1);
  CAF_CHECK_EQUAL(seen->status, 202);
}

CAF_TEST(what is not waited for is 202 also when it ends before it is kept) {
  kept.holds = true;
  execute(call::form::begin);
  run();
  CAF_CHECK_EQUAL(seen->status, 202);
  caf::anon_send(journal, actors::tick{});
  deliver();
  CAF_CHECK_EQUAL(seen->finals, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
