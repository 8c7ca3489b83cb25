// The host against real kernels: what a kernel actor relies on, with every way a kernel can go.
#define CAF_SUITE kernel_host

#include "gateways/process/kernel_host.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "gateways/isolation/launcher.hpp"
#include "gateways/process/run_dir.hpp"
#include "gateways/process/sweep.hpp"
#include "protocol/jupyter/content.hpp"
#include "tests/gateways/process/recorder.hpp"
#include "tests/support/unit.hpp"

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

double ms_since(clock_type::time_point t) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - t).count();
}

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// False also for a zombie: it is dead, whoever reaps it.
bool alive(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text{std::istreambuf_iterator<char>(stat), {}};
  auto end = text.rfind(')');
  return end != text.npos && text.size() > end + 2 && text[end + 2] != 'Z';
}

/// Living processes whose command line has this text.
int processes_with(const std::string& text) {
  int found = 0;
  for (auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream line(entry.path() / "cmdline");
    std::string words{std::istreambuf_iterator<char>(line), {}};
    if (words.find(text) != words.npos && words.find("sleep") == 0) ++found;
  }
  return found;
}

/// Living processes on the host that carry a daemon's mark.
int marked(const std::string& entry) {
  int found = 0;
  for (auto& each : fs::directory_iterator("/proc")) {
    std::ifstream file(each.path() / "environ");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.find(entry) != text.npos) ++found;
  }
  return found;
}

/// Why a launcher with these options is not made; empty: it is.
std::string refusal(const config::isolation_options& options) try {
  gateways::launcher made(options, "refusal-test");
  return {};
} catch (const std::runtime_error& e) {
  return e.what();
}

struct world {
  explicit world(config::kernel_options o = {}, std::string level = "none")
      : options(std::move(o)) {
    isolation.level = std::move(level);
    char name[] = "/tmp/troupe-host-test-XXXXXX";
    data_dir = ::mkdtemp(name);
    workspace = data_dir + "/workspace";
    for (auto& zone : gateways::zones) fs::create_directories(workspace + "/" + zone.name);
    instance = gateways::random_hex(8);
    launch = std::make_unique<gateways::launcher>(isolation, instance);
    protocol::sandbox_spec spec{.id = "default"};
    CAF_REQUIRE(launch->sandboxes().open(spec, workspace));
    host = std::make_unique<gateways::kernel_host>(
        options, gateways::kernel_host_options{data_dir, instance}, *launch);
    sink = std::make_shared<tests::recorder>();
    port = host->make_port(sink);
  }
  ~world() {
    port.reset();
    host.reset();
    launch->sandboxes().close("default");
    fs::remove_all(data_dir);
  }

  void start(std::uint64_t generation = 1) {
    port->start({"default", "main", generation, workspace, {}});
  }
  bool ready() {
    return sink->wait([this] { return sink->readies + sink->exits > 0 || !sink->why.empty(); }) &&
           sink->readies > 0;
  }
  std::string execute(const std::string& code) {
    protocol::jupyter::message m;
    protocol::execution_request request;
    request.code = code;
    m.msg_id = "test_" + std::to_string(++asked);
    m.msg_type = "execute_request";
    m.content = protocol::buffer(protocol::jupyter::execute_content(request));
    auto id = m.msg_id;
    port->send(std::move(m));
    return id;
  }
  /// Both the reply and idle have come.
  bool ended(const std::string& id) {
    return sink->wait([&] {
      bool reply = false, idle = false;
      for (auto& m : sink->messages) {
        if (m.parent_msg_id != id) continue;
        reply = reply || m.msg_type == "execute_reply";
        idle = idle || (m.msg_type == "status" &&
                        protocol::jupyter::read_status(m.content.view()) == "idle");
      }
      return reply && idle;
    });
  }
  bool run(const std::string& code) { return ended(execute(code)); }
  std::string printed() {
    std::lock_guard lock(sink->mutex);
    std::string text;
    for (auto& m : sink->messages)
      if (m.msg_type == "stream")
        if (auto s = protocol::jupyter::read_stream(m.content.view())) text += s->text;
    return text;
  }

  config::isolation_options isolation;
  config::kernel_options options;
  std::string data_dir, workspace, instance;
  std::unique_ptr<gateways::launcher> launch;
  std::unique_ptr<gateways::kernel_host> host;
  std::shared_ptr<tests::recorder> sink;
  std::unique_ptr<actors::kernel_port> port;
  int asked = 0;
};

}  // namespace

CAF_TEST(a kernel starts and answers and nothing of the handshake is passed on) {
  world w;
  auto begun = clock_type::now();
  w.start();
  CAF_REQUIRE(w.ready());
  CAF_MESSAGE("ready after ms: " << ms_since(begun));
  CAF_CHECK_EQUAL(w.sink->count("kernel_info_reply"), 0u);
  CAF_CHECK(w.run("1+1"));
  CAF_REQUIRE(w.sink->find("execute_result", "\"2\"") != nullptr);
  CAF_REQUIRE(w.sink->find("execute_reply", "\"ok\"") != nullptr);
  CAF_CHECK(w.port->cpu_ms() > 50);
  CAF_CHECK(w.port->memory_peak_bytes() > 20'000'000);
  CAF_CHECK_EQUAL(w.host->malformed_messages(), 0u);
}

CAF_TEST(files of a kernel are for us alone) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  struct stat s {};
  ::stat(w.sink->connection_file.c_str(), &s);
  CAF_CHECK_EQUAL(s.st_mode & 07777u, 0600u);
  ::stat(fs::path(w.sink->connection_file).parent_path().c_str(), &s);
  CAF_CHECK_EQUAL(s.st_mode & 07777u, 0700u);
  ::stat(w.host->run_dir().c_str(), &s);
  CAF_CHECK_EQUAL(s.st_mode & 07777u, 0700u);
}

CAF_TEST(a kernel inherits no descriptor and only what is on the list) {
  ::setenv("TROUPE_TOKEN", "secret", 1);
  world w;
  auto file = w.data_dir + "/inherited";
  int open_here = ::open(file.c_str(), O_RDONLY | O_CREAT, 0600);  // not close-on-exec, on purpose
  w.start();
  CAF_REQUIRE(w.ready());
  CAF_CHECK(w.run(
      "import os, signal\n"
      "print('token', os.environ.get('TROUPE_TOKEN'), os.environ['TROUPE_KERNEL'])\n"
      "fds = [f'/proc/self/fd/{f}' for f in os.listdir('/proc/self/fd')]\n"
      "print('leaked', [f for f in fds if os.path.islink(f) and 'inherited' in os.readlink(f)])\n"
      "print('mask', signal.pthread_sigmask(signal.SIG_BLOCK, []), os.getsid(0) == os.getpid())\n"
      "print('cwd', os.getcwd())"));
  ::close(open_here);
  ::unsetenv("TROUPE_TOKEN");
  auto text = w.printed();
  CAF_CHECK(text.find("token None default/main/1\n") != text.npos);
  CAF_CHECK(text.find("leaked []\n") != text.npos);
  CAF_CHECK(text.find("mask set() True\n") != text.npos);
  CAF_CHECK(text.find("cwd " + w.workspace + "\n") != text.npos);
}

CAF_TEST(a kernel killed from outside is told with its signal and its last words are drained) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  w.execute("print('last words', flush=True)\nimport signal\nsignal.pause()");
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->find("stream", "last words") != nullptr; }));
  auto killed = clock_type::now();
  ::kill(w.sink->pid, SIGKILL);
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == 1; }));
  CAF_MESSAGE("exited after ms: " << ms_since(killed));
  CAF_CHECK_EQUAL(w.sink->status.signal, SIGKILL);
  CAF_CHECK_EQUAL(w.sink->status.exit_code, -1);
  w.port->drain();
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->drains == 1; }));
  CAF_MESSAGE("drained after ms: " << ms_since(killed));
  // What it had used by then is not forgotten with it.
  CAF_CHECK(w.port->memory_peak_bytes() > 20'000'000);
  CAF_CHECK(w.port->cpu_ms() > 50);
}

CAF_TEST(an exit code and what was written to stderr are told) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  w.execute("import os, sys\nos.write(sys.stderr.fileno(), b'goodbye')\nos._exit(7)");
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == 1; }));
  CAF_CHECK_EQUAL(w.sink->status.exit_code, 7);
  CAF_CHECK_EQUAL(w.sink->status.signal, 0);
  CAF_CHECK_EQUAL(w.sink->status.stderr_tail, "goodbye");
}

CAF_TEST(a stopped kernel loses its heartbeat once) {
  config::kernel_options options;
  options.heartbeat_interval_ms = 50;
  options.heartbeat_misses = 3;
  world w(options);
  w.start();
  CAF_REQUIRE(w.ready());
  CAF_CHECK(w.run("1"));
  CAF_CHECK_EQUAL(w.sink->losses, 0);
  ::kill(w.sink->pid, SIGSTOP);
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->losses == 1; }));
  CAF_CHECK_EQUAL(w.sink->misses, 3u);
  w.port->kill();
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == 1; }));
  CAF_CHECK_EQUAL(w.sink->losses, 1);
}

CAF_TEST(an interrupt ends a loop and does not harm an idle kernel) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  w.port->interrupt();
  auto id = w.execute("print('on', flush=True)\nwhile True: pass");
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->find("stream", "on") != nullptr; }));
  w.port->interrupt();
  CAF_REQUIRE(w.ended(id));
  if (!w.sink->find("error", "KeyboardInterrupt"))
    for (auto& m : w.sink->messages) CAF_ERROR(m.msg_type << " " << m.content.view());
}

CAF_TEST(behind walls a kernel starts and stops as without) {
  world w({}, "auto");
  CAF_MESSAGE("level " << gateways::name_of(w.launch->level()));
  w.start();
  CAF_REQUIRE(w.ready());
  auto id = w.execute("print('on', flush=True)\nwhile True: pass");
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->find("stream", "on") != nullptr; }));
  w.port->interrupt();
  CAF_REQUIRE(w.ended(id));
  CAF_CHECK(w.sink->find("error", "KeyboardInterrupt") != nullptr);
  CAF_CHECK(alive(w.sink->pid));
  ::kill(w.sink->pid, SIGKILL);
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == 1; }));
  CAF_CHECK_EQUAL(w.sink->status.signal, SIGKILL);
  CAF_CHECK_EQUAL(w.sink->status.memory_bytes, 0u);
  w.start(2);
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->readies == 2; }));
  w.execute("import os\nos._exit(137)");
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == 2; }));
  CAF_CHECK_EQUAL(w.sink->status.exit_code, 137);
}

CAF_TEST(a kernel outlives the thread that asked for it) {
  world w({}, "auto");
  std::thread([&w] { w.start(); }).join();
  CAF_REQUIRE(w.ready());
  CAF_CHECK(w.run("1"));
  CAF_CHECK_EQUAL(w.sink->exits, 0);
}

CAF_TEST(a kernel killed before it runs leaves nothing at any moment) {
  auto before = entries("/proc/self/fd");
  std::string mark;
  {
    world w({}, "auto");
    mark = gateways::instance_entry(w.instance);
    for (std::uint64_t g = 1; g <= 20; ++g) {
      w.start(g);
      if (g % 2 == 0) w.port->kill();
      w.port->start({"default", "main", 100 + g, w.workspace, {}});  // retires the one before
    }
    w.start(200);
    CAF_REQUIRE(w.sink->wait([&] { return w.sink->readies > 0; }));
    CAF_CHECK(marked(mark) > 0);
    w.port.reset();
    w.host.reset();
    CAF_CHECK(!fs::exists(w.data_dir + "/run"));
    CAF_CHECK_EQUAL(marked(mark), 0);
  }
  CAF_CHECK_EQUAL(entries("/proc/self/fd"), before);
}

CAF_TEST(what is required must be in force) {
  config::isolation_options options{.level = "none"};
  options.require = {"seccomp"};
  CAF_CHECK(refusal(options).find("only from isolation.level process on") != std::string::npos);
  options.require = {"a moat"};
  options.level = "auto";
  CAF_CHECK(refusal(options).find("a moat, which is no protection") != std::string::npos);
  options.require = {"seccomp"};
  CAF_CHECK_EQUAL(refusal(options), "");
}

CAF_TEST(descendants that left the group die with the kernel) {
  auto nap = "1000." + std::to_string(::getpid());  // no other process sleeps so long
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  CAF_CHECK(
      w.run("import subprocess\n"
            "p = subprocess.Popen(['/bin/sh', '-c', 'trap \"\" TERM HUP; sleep " +
            nap + " & sleep " + nap + "'], start_new_session=True)\n"));
  CAF_REQUIRE(w.sink->wait([&] { return processes_with(nap) >= 2; }));
  w.port->kill();
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == 1; }));
  w.port.reset();
  w.host.reset();  // ends only when the sweep did
  CAF_CHECK_EQUAL(processes_with(nap), 0);
}

CAF_TEST(twenty thousand messages all arrive while the reader holds them back) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  auto begun = clock_type::now();
  auto id = w.execute(
      "from IPython.display import display\n"
      "for i in range(20000): display({'text/plain': 'x' * 2000}, raw=True)");
  // Nothing is handed back: the link stops reading a little beyond its bound.
  CAF_REQUIRE(w.sink->wait([&] { return w.sink->bytes > (32u << 20); }));
  {
    std::lock_guard lock(w.sink->mutex);
    CAF_CHECK(w.sink->bytes < (33u << 20));
    CAF_CHECK(w.sink->count("display_data") < 20'000u);
  }
  w.port->consumed(w.sink->bytes);
  CAF_REQUIRE(w.ended(id));
  CAF_CHECK_EQUAL(w.sink->count("display_data"), 20'000u);
  CAF_MESSAGE("20,000 display_data in ms: " << ms_since(begun));
}

CAF_TEST(a large text comes in pieces and whole) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  CAF_CHECK(w.run("print('\u00e9' * 5_000_000)"));
  CAF_CHECK(w.sink->count("stream") >= 5u);
  CAF_CHECK_EQUAL(w.printed().size(), 10'000'001u);
}

CAF_TEST(output of a subprocess survives characters cut in two) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  std::string line;
  for (int i = 0; i < 40'000; ++i) line += "\u6c49";
  CAF_CHECK(
      w.run("import subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', 'print(\"\\u6c49\" * 40_000)'])"));
  // What comes by the file descriptor is not waited for by the kernel's reply.
  CAF_CHECK(w.sink->wait([&] {
    std::size_t bytes = 0;
    for (auto& m : w.sink->messages)
      if (m.msg_type == "stream")
        bytes += protocol::jupyter::read_stream(m.content.view())->text.size();
    return bytes >= line.size() + 1;
  }));
  CAF_CHECK_EQUAL(w.printed(), line + "\n");
}

CAF_TEST(a plot with Chinese labels is a picture without warnings) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  CAF_CHECK(w.run("import sys\nprint('loaded', 'matplotlib' in sys.modules)"));
  CAF_CHECK(w.printed().find("loaded False") != std::string::npos);
  CAF_CHECK(w.run("import matplotlib.pyplot as plt\nplt.plot([1, -2])\nplt.title('中文标题')"));
  CAF_REQUIRE(w.sink->find("display_data", "image/png") != nullptr);
  CAF_CHECK(w.sink->find("display_data", "800x600") != nullptr);
  CAF_CHECK_EQUAL(w.printed().find("Warning"), std::string::npos);
  CAF_CHECK_EQUAL(w.printed().find("findfont"), std::string::npos);
}

CAF_TEST(a start that cannot be says why) {
  config::kernel_options options;
  options.python = "/nonexistent/python3";
  world w(options);
  w.start(3);
  CAF_REQUIRE(w.sink->wait([&] { return !w.sink->why.empty(); }));
  CAF_CHECK(w.sink->why.find("/nonexistent/python3") != std::string::npos);
  CAF_CHECK_EQUAL(w.sink->generation, 3u);
  CAF_CHECK_EQUAL(entries(w.host->run_dir()), 0u);
  w.sink->why.clear();
  w.port->start({"default", "main", 4, w.workspace + "/none", {}});
  CAF_REQUIRE(w.sink->wait([&] { return !w.sink->why.empty(); }));
  CAF_CHECK(w.sink->why.find("working directory") != std::string::npos);
}

CAF_TEST(twenty generations leave no descriptor and no file) {
  world w;
  auto cycle = [&](std::uint64_t generation) {
    w.start(generation);
    // Half are killed before they are ready.
    int wanted = static_cast<int>(generation);
    CAF_REQUIRE(w.sink->wait([&] { return w.sink->starts == wanted; }));
    if (generation % 4 == 0) {
      int readies = w.sink->readies;
      CAF_REQUIRE(w.sink->wait([&] { return w.sink->readies == readies + 1; }));
    }
    w.port->kill();
    CAF_REQUIRE(w.sink->wait([&] { return w.sink->exits == wanted; }));
    w.port->drain();
    CAF_REQUIRE(w.sink->wait([&] { return w.sink->drains == wanted; }));
  };
  for (std::uint64_t g = 1; g <= 4; ++g) cycle(g);
  auto before = entries("/proc/self/fd");
  for (std::uint64_t g = 5; g <= 24; ++g) cycle(g);
  // ZeroMQ closes its sockets on a thread of its own; a few may be on their way out.
  CAF_CHECK(entries("/proc/self/fd") <= before + 5);
  w.port.reset();
  w.host.reset();
  CAF_CHECK(!fs::exists(w.data_dir + "/run"));
}

CAF_TEST(a destroyed port ends its kernel and calls nobody) {
  world w;
  w.start();
  CAF_REQUIRE(w.ready());
  int pid = w.sink->pid;
  w.port.reset();
  CAF_CHECK_EQUAL(w.sink.use_count(), 1);
  w.host.reset();
  CAF_CHECK(!alive(pid));
  CAF_CHECK_EQUAL(w.sink->exits, 0);
  CAF_CHECK(!fs::exists(w.data_dir + "/run"));
}

CAF_TEST(a sweep ends what an earlier daemon left and empties its folder) {
  world w;
  auto instance = gateways::random_hex(8);
  gateways::kernel_host earlier(w.options, {w.data_dir, instance}, *w.launch);
  auto sink = std::make_shared<tests::recorder>();
  auto port = earlier.make_port(sink);
  port->start({"default", "main", 1, w.workspace, {}});
  CAF_REQUIRE(sink->wait([&] { return sink->readies == 1; }));
  gateways::sweep_leftovers(w.data_dir, earlier.run_dir(), instance);
  CAF_REQUIRE(sink->wait([&] { return sink->exits == 1; }));
  CAF_CHECK_EQUAL(sink->status.signal, SIGKILL);
  CAF_CHECK_EQUAL(entries(earlier.run_dir()), 0u);
}

CAF_TEST(a long data folder moves the sockets to a private folder in tmp) {
  auto run = gateways::run_dir_of("/tmp/" + std::string(80, 'x'));
  CAF_CHECK(run.starts_with("/tmp/troupe-" + std::to_string(::geteuid()) + "-"));
  CAF_CHECK_EQUAL(gateways::run_dir_of("/var/lib/troupe"), "/var/lib/troupe/run");
  char name[] = "/tmp/troupe-host-test-XXXXXX";
  std::string folder = ::mkdtemp(name);
  CAF_CHECK(gateways::ensure_private_dir(folder + "/a"));
  fs::create_directory_symlink(folder + "/a", folder + "/link");
  CAF_CHECK(!gateways::ensure_private_dir(folder + "/link"));
  ::chmod((folder + "/a").c_str(), 0755);
  CAF_CHECK(!gateways::ensure_private_dir(folder + "/a"));
  fs::remove_all(folder);
}
