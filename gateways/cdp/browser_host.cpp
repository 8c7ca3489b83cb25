#include "gateways/cdp/browser_host.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "actors/run_here.hpp"
#include "gateways/cdp/browser_arguments.hpp"
#include "gateways/cdp/browser_process.hpp"
#include "gateways/cdp/protocol_text.hpp"
#include "gateways/isolation/spawn.hpp"
#include "gateways/process/signals.hpp"

namespace gateways {
namespace asio = boost::asio;

namespace {

constexpr auto stop_max = std::chrono::seconds(5);
constexpr int version_ms_max = 2'000;
using browser_sink_guard = guarded<actors::browser_sink>;

/// What `PROGRAM --version` prints, within its time; it takes some 20 ms.
std::string printed_version(const std::string& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  descriptor ours(ends[0]), theirs(ends[1]);
  auto child = spawn({.program = program,
                      .argv = {program, "--version"},
                      .environment = {},
                      .directory = {},
                      .descriptors = {{theirs.get(), 1}}});
  if (!child) return {};
  theirs.reset(-1);
  std::string out;
  char chunk[256];
  pollfd readable{ours.get(), POLLIN, 0};
  while (out.size() < sizeof chunk && ::poll(&readable, 1, version_ms_max) == 1) {
    auto size = ::read(ours.get(), chunk, sizeof chunk);
    if (size <= 0) break;
    out.append(chunk, static_cast<std::size_t>(size));
  }
  ::kill(child->pid, SIGKILL);
  ::waitpid(child->pid, nullptr, 0);
  ::close(child->pidfd);
  return out;
}

}  // namespace

/// What the host, its thread and its ports share. All but `io` belongs to the thread.
struct browser_host::core {
  /// A sandbox's browser, whether it runs or not; as long as its port is there.
  struct slot {
    std::string sandbox_id;
    std::shared_ptr<browser_sink_guard> sink;
    std::shared_ptr<browser_process> process;  ///< null: it does not run
    std::vector<finder> waiting;
  };

  core(const config::browser_options& options, browser_host_place at, launcher& launch);
  void run();
  void start(slot& s, actors::browser_start what);
  void answer(slot& s, const protocol::result<std::shared_ptr<live_browser>>& with);
  void ping();
  void stop();

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer stop_timer{io}, ping_timer{io};
  browser_surroundings around;
  protocol_text text;
  std::map<std::string, std::shared_ptr<slot>> slots;
  std::set<std::shared_ptr<browser_process>> live;
  bool stopping = false;
  std::thread thread;
};

browser_host::core::core(const config::browser_options& options, browser_host_place where,
                         launcher& launch)
    : around{io, launch, options, std::move(where.instance), where.egress, {}, {}, {}},
      text(around, where.data_dir + "/cdp") {
  around.serves = [this](const std::shared_ptr<browser_process>& process) {
    auto at = slots.find(process->sandbox_id());
    if (at != slots.end() && at->second->process == process)
      answer(*at->second, std::shared_ptr<live_browser>(process));
  };
  around.over = [this](const std::shared_ptr<browser_process>& process) {
    live.erase(process);
    for (auto& [id, s] : slots)
      if (s->process == process) s->process = nullptr;
    if (stopping && live.empty()) io.stop();
  };
}

void browser_host::core::run() {
  ::pthread_setname_np(::pthread_self(), "cdp");
  actors::run_here actors([this](auto f) { asio::post(io, std::move(f)); });
  ping();
  io.run();
}

void browser_host::core::start(slot& s, actors::browser_start what) {
  if (stopping) return;
  if (auto former = std::exchange(s.process, nullptr)) former->retire();
  if (around.major_version.empty())
    around.major_version = major_version_in(printed_version(around.options.program));
  auto process = std::make_shared<browser_process>(around, std::move(what), s.sink);
  if (!process->start()) return;
  live.insert(process);
  s.process = std::move(process);
}

void browser_host::core::answer(slot& s,
                                const protocol::result<std::shared_ptr<live_browser>>& with) {
  for (auto& then : std::exchange(s.waiting, {})) then(with);
}

void browser_host::core::ping() {
  ping_timer.expires_after(std::chrono::milliseconds(around.options.ping_interval_ms));
  ping_timer.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    for (auto all = live; auto& process : all) process->ping();
    ping();
  });
}

void browser_host::core::stop() {
  stopping = true;
  ping_timer.cancel();
  text.stop();
  for (auto& [id, s] : slots)
    answer(*s, protocol::fault{protocol::error_code::draining, "the daemon is shutting down"});
  if (live.empty()) return io.stop();
  for (auto processes = live; auto& p : processes) p->retire();
  stop_timer.expires_after(stop_max);  // a process in uninterruptible sleep must not hold us
  stop_timer.async_wait([this](boost::system::error_code) { io.stop(); });
}

/// A browser's end with its actor. What it does is done on the host's thread, in order.
class browser_host::port : public actors::browser_port {
 public:
  port(std::shared_ptr<core> host, std::string sandbox_id,
       std::shared_ptr<actors::browser_sink> sink)
      : core_(std::move(host)), slot_(std::make_shared<core::slot>()) {
    slot_->sandbox_id = std::move(sandbox_id);
    slot_->sink = std::make_shared<browser_sink_guard>(std::move(sink));
    with_slot([c = core_.get(), s = slot_](auto&) { c->slots[s->sandbox_id] = s; });
  }

  ~port() override {
    slot_->sink->cut();
    with_slot([c = core_.get()](core::slot& s) {
      c->answer(s, protocol::fault{protocol::error_code::unavailable, "the browser's actor ended"});
      if (auto process = s.process) process->retire();
      auto at = c->slots.find(s.sandbox_id);
      if (at != c->slots.end() && at->second.get() == &s) c->slots.erase(at);
    });
  }

  void start(actors::browser_start what) override {
    with_slot([c = core_.get(), what = std::move(what)](core::slot& s) mutable {
      c->start(s, std::move(what));
    });
  }
  void send(std::string message) override {
    with_process([message = std::move(message)](browser_process& p) { p.send(message); });
  }
  void serve() override {
    with_process([](browser_process& p) { p.serve(); });
  }
  void stop() override {
    with_process([](browser_process& p) { p.stop(); });
  }
  void kill() override {
    with_process([](browser_process& p) { p.kill(); });
  }
  void refuse(protocol::fault why) override {
    with_slot([c = core_.get(), why = std::move(why)](core::slot& s) { c->answer(s, why); });
  }

 private:
  template <class Action>
  void with_slot(Action action) {
    asio::post(core_->io, [s = slot_, action = std::move(action)]() mutable { action(*s); });
  }
  template <class Action>
  void with_process(Action action) {
    with_slot([action = std::move(action)](core::slot& s) mutable {
      if (auto process = s.process) action(*process);
    });
  }

  std::shared_ptr<core> core_;
  std::shared_ptr<core::slot> slot_;
};

browser_host::browser_host(const config::browser_options& options, browser_host_place at,
                           launcher& launch) {
  all_signals_blocked in_new_threads;
  core_ = std::make_shared<core>(options, std::move(at), launch);
  core_->thread = std::thread([c = core_.get()] { c->run(); });
}

browser_host::~browser_host() {
  asio::post(core_->io, [c = core_.get()] { c->stop(); });
  core_->thread.join();
}

std::unique_ptr<actors::browser_port> browser_host::make_port(
    std::string sandbox_id, std::shared_ptr<actors::browser_sink> sink) {
  return std::make_unique<port>(core_, std::move(sandbox_id), std::move(sink));
}

void browser_host::find(const std::string& sandbox_id, finder then) {
  auto at = core_->slots.find(sandbox_id);
  if (at == core_->slots.end())
    return then(protocol::fault{protocol::error_code::unavailable,
                                "the sandbox " + sandbox_id + " has no browser"});
  auto& s = *at->second;
  if (s.process && s.process->serves()) return then(std::shared_ptr<live_browser>(s.process));
  s.waiting.push_back(std::move(then));
  s.sink->tell([](auto& to) { to.wanted(); });
}

void browser_host::describe(const std::string& sandbox_id,
                            std::function<void(protocol::result<std::string>)> then) {
  find(sandbox_id, [c = core_, sandbox_id, then = std::move(then)](
                       const protocol::result<std::shared_ptr<live_browser>>& found) {
    if (!found) return then(found.error());
    c->text.get(sandbox_id, (*found)->version().product, then);
  });
}

asio::io_context& browser_host::io() {
  return core_->io;
}

}  // namespace gateways
