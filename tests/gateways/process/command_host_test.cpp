// The host against real processes: what a commands actor relies on, at the weakest level of
// isolation and at the strongest that this machine has.
#define CAF_SUITE command_host

#include "gateways/process/command_host.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>

#include "gateways/isolation/launcher.hpp"
#include "gateways/process/run_dir.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/unit.hpp"

namespace {

namespace fs = std::filesystem;
using protocol::command_stream;

/// Remembers what it was told; hands bytes back unless it holds them.
struct recorder : actors::command_sink {
  void start_failed(std::string text) override {
    note([&] { why = std::move(text), ends++; });
  }
  void printed(command_stream on, protocol::buffer bytes) override {
    note([&] { text[static_cast<std::size_t>(on)] += bytes.view(), told += bytes.size(); });
    if (on_printed) on_printed(bytes.size());
  }
  void took_input(std::uint64_t bytes) override {
    note([&] { taken += bytes; });
  }
  void exited(actors::exit_status how, protocol::usage u) override {
    note([&] { status = std::move(how), used = u, ends++; });
  }
  template <class Change>
  void note(Change change) {
    std::lock_guard lock(mutex);
    change();
    changed.notify_all();
  }
  /// False when it did not happen in time.
  bool wait(const std::function<bool()>& happened) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), happened);
  }
  bool ended() {
    return wait([this] { return ends > 0; });
  }
  std::string& out() { return text[0]; }
  std::string& err() { return text[1]; }
  std::string& terminal() { return text[2]; }

  std::mutex mutex;
  std::condition_variable changed;
  std::function<void(std::uint64_t)> on_printed;
  std::string text[3], why;
  std::uint64_t told = 0, taken = 0;
  actors::exit_status status;
  protocol::usage used;
  int ends = 0;
};

struct world {
  explicit world(const std::string& level) {
    isolation.level = level;
    workspace = dir / "workspace";
    for (auto& zone : gateways::zones) fs::create_directories(workspace + "/" + zone.name);
    auto instance = gateways::random_hex(8);
    launch = std::make_unique<gateways::launcher>(isolation, instance);
    CAF_REQUIRE(launch->sandboxes().open({.id = "default"}, workspace));
    host = std::make_unique<gateways::command_host>(
        gateways::command_host_options{"/usr/bin/python3", instance}, *launch);
  }
  ~world() {
    port.reset();
    host.reset();
    launch->sandboxes().close("default");
  }

  actors::command_start shell(std::string line) const {
    actors::command_start start;
    start.sandbox_id = "default";
    start.argv = {"/bin/sh", "-c", std::move(line)};
    start.workspace = workspace;
    return start;
  }
  std::shared_ptr<recorder> start(actors::command_start what) {
    sink = std::make_shared<recorder>();
    port = host->make_port(sink);
    // By its address, which holds as long as it calls: `port` may be on its way to another.
    sink->on_printed = [this, to = port.get()](std::uint64_t bytes) {
      if (!holds) to->consumed(bytes);
    };
    port->start(std::move(what));
    return sink;
  }
  std::shared_ptr<recorder> run(std::string line) { return start(shell(std::move(line))); }

  tests::temp_dir dir;
  config::isolation_options isolation;
  std::string workspace;
  std::unique_ptr<gateways::launcher> launch;
  std::unique_ptr<gateways::command_host> host;
  std::shared_ptr<recorder> sink;
  std::unique_ptr<actors::command_port> port;
  bool holds = false;
};

constexpr const char* levels[] = {"none", "auto"};

}  // namespace

CAF_TEST(both streams and the exit code are told and the code last) {
  for (auto level : levels) {
    world w(level);
    auto s = w.run("echo out; echo err >&2; exit 3");
    CAF_REQUIRE(s->ended());
    CAF_CHECK_EQUAL(s->out(), "out\n");
    CAF_CHECK_EQUAL(s->err(), "err\n");
    CAF_CHECK_EQUAL(s->status.exit_code, 3);
    CAF_CHECK(s->used.memory_peak_bytes > 0);
    CAF_CHECK(s->used.memory_peak_bytes < 20'000'000);  // the shell's, not ours
  }
}

CAF_TEST(what a command used is told whether it ends or is killed) {
  for (auto level : levels) {
    world w(level);
    auto python = "exec python3 -c 'x = bytearray(100 << 20); print(1, flush=True)";
    auto s = w.run(python + std::string("'"));
    CAF_REQUIRE(s->ended());
    CAF_CHECK(s->used.memory_peak_bytes > 100 << 20);
    s = w.run(python + std::string("; import signal; signal.pause()'"));
    CAF_REQUIRE(s->wait([&] { return s->out() == "1\n"; }));
    w.port->kill();
    CAF_REQUIRE(s->ended());
    CAF_CHECK(s->used.memory_peak_bytes > 100 << 20);
    CAF_CHECK(s->used.memory_peak_bytes < 200 << 20);
  }
}

CAF_TEST(everything that was printed comes before the end) {
  for (auto level : levels) {
    world w(level);
    auto s = w.run("head -c 20000000 /dev/zero; head -c 1000000 /dev/zero >&2");
    CAF_REQUIRE(s->ended());
    CAF_CHECK_EQUAL(s->out().size(), 20'000'000u);
    CAF_CHECK_EQUAL(s->err().size(), 1'000'000u);
  }
}

CAF_TEST(what is not handed back is bounded and the process waits) {
  world w("none");
  w.holds = true;
  constexpr std::uint64_t bound = 1 << 20;  // as docs/architecture.md tells
  auto s = w.run("head -c 20000000 /dev/zero; echo over >&2");
  CAF_REQUIRE(s->wait([&] { return s->told >= bound; }));
  CAF_CHECK(s->told <= bound + (128 << 10));
  CAF_CHECK_EQUAL(s->ends, 0);
  w.holds = false;
  w.port->consumed(s->told);
  CAF_REQUIRE(s->ended());
  CAF_CHECK_EQUAL(s->out().size(), 20'000'000u);
  CAF_CHECK_EQUAL(s->err(), "over\n");
}

CAF_TEST(a stream that others hold open does not delay the end for long) {
  world w("none");
  // Its init gone, nobody reaps what is left until the sweep.
  auto began = std::chrono::steady_clock::now();
  auto s = w.run("setsid sleep 300 & echo up; kill -9 $PPID");
  CAF_REQUIRE(s->ended());
  CAF_CHECK_EQUAL(s->out(), "up\n");
  CAF_CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
}

CAF_TEST(input is given in whole though it is more than a pipe holds) {
  for (auto level : levels) {
    world w(level);
    auto what = w.shell("wc -c");
    what.takes_input = true;
    auto s = w.start(std::move(what));
    w.port->write(std::string(300'000, 'x'), false);
    w.port->write(std::string(300'000, 'y'), true);
    CAF_REQUIRE(s->ended());
    CAF_CHECK(s->out().find("600000") != std::string::npos);
    CAF_CHECK_EQUAL(s->taken, 600'000u);
  }
}

CAF_TEST(input that nobody reads is given back) {
  world w("none");
  auto what = w.shell("exec 0<&-; sleep 0.1");
  what.takes_input = true;
  auto s = w.start(std::move(what));
  w.port->write(std::string(300'000, 'x'), false);
  CAF_REQUIRE(s->ended());
  CAF_CHECK_EQUAL(s->taken, 300'000u);
}

CAF_TEST(a terminal is one stream with a size) {
  for (auto level : levels) {
    world w(level);
    auto what = w.shell("stty size; read x; stty size; test -t 2 && echo terminal");
    what.terminal = true;
    what.rows = 33;
    what.columns = 99;
    auto s = w.start(std::move(what));
    CAF_REQUIRE(s->wait([&] { return s->terminal().find("33 99") != std::string::npos; }));
    w.port->resize(44, 111);
    w.port->write("go\n", false);
    CAF_REQUIRE(s->ended());
    CAF_CHECK(s->terminal().find("44 111") != std::string::npos);
    CAF_CHECK(s->terminal().find("terminal") != std::string::npos);
    CAF_CHECK_EQUAL(s->status.exit_code, 0);
  }
}

CAF_TEST(a request to end reaches the whole tree and a kill ends it) {
  for (auto level : levels) {
    world w(level);
    auto s = w.run(
        "setsid sh -c 'trap \"echo far\" TERM; echo up; while :; do sleep 0.05; done' & "
        "trap 'echo near' TERM; echo up; while :; do sleep 0.05; done");
    CAF_REQUIRE(s->wait([&] { return s->out() == "up\nup\n"; }));
    w.port->terminate();
    CAF_REQUIRE(s->wait([&] {
      return s->out().find("near\n") != std::string::npos &&
             s->out().find("far\n") != std::string::npos;
    }));
    w.port->kill();
    CAF_REQUIRE(s->ended());
    CAF_CHECK_EQUAL(s->status.signal, SIGKILL);
  }
}

CAF_TEST(what cannot be run says so) {
  for (auto level : levels) {
    world w(level);
    auto what = w.shell("");
    what.argv = {"no-such-program"};
    auto s = w.start(what);
    CAF_REQUIRE(s->ended());
    CAF_CHECK_EQUAL(s->status.exit_code, 127);
    CAF_CHECK(s->err().find("no-such-program") != std::string::npos);
    what = w.shell("true");
    what.directory = "missing";
    s = w.start(what);
    CAF_REQUIRE(s->ended());
    CAF_CHECK_EQUAL(s->status.exit_code, 127);
    CAF_CHECK(s->err().find("missing") != std::string::npos);
    what.sandbox_id = "nobody";
    s = w.start(what);
    CAF_REQUIRE(s->ended());
    CAF_CHECK_EQUAL(s->why, "the sandbox nobody is not open");
  }
}

CAF_TEST(destroying the port or the host ends the process) {
  for (auto level : levels) {
    world w(level);
    auto s = w.run("echo up; sleep 300");
    CAF_REQUIRE(s->wait([&] { return s->out() == "up\n"; }));
    w.port.reset();
    w.run("echo up; sleep 300");
    CAF_REQUIRE(w.sink->wait([&] { return w.sink->out() == "up\n"; }));
    auto began = std::chrono::steady_clock::now();
    w.host.reset();  // with its port still there
    CAF_CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(4));
    CAF_CHECK_EQUAL(s->ends, 0);
  }
}
