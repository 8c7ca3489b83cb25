#include "gateways/process/kernel_host.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "actors/run_here.hpp"
#include "gateways/process/kernel_process.hpp"
#include "gateways/process/signals.hpp"
#include "gateways/process/sweeper.hpp"

namespace gateways {
namespace asio = boost::asio;

namespace {

constexpr int zmq_sockets_max = 16'384;  // five a kernel; ZeroMQ's default is 1,023
constexpr auto stop_max = std::chrono::seconds(5);

double cpu_ms_of(int pid) {
  clockid_t id;
  timespec t{};
  if (::clock_getcpuclockid(pid, &id) != 0 || ::clock_gettime(id, &t) != 0) return 0;
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

}  // namespace

/// What the host, its thread and its ports share. `live` belongs to the thread.
struct kernel_host::core {
  core(const config::kernel_options& kernel, kernel_host_options given, launcher& launch);
  void run();
  void beat();
  void start(const std::shared_ptr<guarded_sink>& sink, const std::shared_ptr<kernel_gauge>& gauge,
             actors::kernel_start what, std::shared_ptr<kernel_process>& current);
  void stop();

  config::kernel_options options;
  zmq::context_t zmq{1};
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  sweeper sweeps;
  asio::steady_timer heart{io};
  asio::steady_timer stop_timer{io};
  process_surroundings around;
  std::set<std::shared_ptr<kernel_process>> live;
  std::uint64_t starts = 0;
  bool stopping = false;
  std::atomic<std::uint64_t> malformed{0};
  std::thread thread;
};

kernel_host::core::core(const config::kernel_options& kernel, kernel_host_options given,
                        launcher& launch)
    : options(kernel),
      around{
          io,         zmq, launch, options, run_dir_of(given.data_dir), std::move(given.instance),
          given.ways, {},  {},     {}} {
  if (auto made = ensure_private_dir(around.run_dir); !made)
    throw std::runtime_error(made.error().detail);
  zmq.set(zmq::ctxopt::max_sockets, zmq_sockets_max);
  around.sweep = [this](std::string entry) { sweeps.sweep(std::move(entry)); };
  around.malformed = [this](const std::string& why) {
    if (malformed++ == 0) spdlog::warn("kernel_message_malformed why=\"{}\"", why);
  };
  around.over = [this](const std::shared_ptr<kernel_process>& process) {
    live.erase(process);
    if (stopping && live.empty()) io.stop();
  };
}

void kernel_host::core::run() {
  ::pthread_setname_np(::pthread_self(), "kernels");
  beat();
  actors::run_here actors([this](auto f) { asio::post(io, std::move(f)); });
  io.run();
}

void kernel_host::core::beat() {
  // From now, not from the last tick: after a stop of the daemon ticks do not come in a burst.
  heart.expires_after(std::chrono::milliseconds(options.heartbeat_interval_ms));
  heart.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    for (auto processes = live; auto& p : processes) p->beat();
    beat();
  });
}

void kernel_host::core::start(const std::shared_ptr<guarded_sink>& sink,
                              const std::shared_ptr<kernel_gauge>& gauge, actors::kernel_start what,
                              std::shared_ptr<kernel_process>& current) {
  if (current) current->retire();
  current.reset();
  if (stopping) return;
  auto name = "k" + std::to_string(++starts) + "-" + std::to_string(what.generation);
  auto process = std::make_shared<kernel_process>(around, std::move(what), sink, gauge);
  if (!process->start(name)) return;
  live.insert(process);
  current = std::move(process);
}

void kernel_host::core::stop() {
  stopping = true;
  if (live.empty()) return io.stop();
  for (auto processes = live; auto& p : processes) p->retire();
  stop_timer.expires_after(stop_max);  // a process in uninterruptible sleep must not hold us
  stop_timer.async_wait([this](boost::system::error_code) { io.stop(); });
}

/// A kernel actor's end. What it asks for is done in order, on the host's thread but for `send`.
class kernel_host::port : public actors::kernel_port {
 public:
  port(std::shared_ptr<core> host, std::shared_ptr<actors::kernel_sink> sink)
      : core_(std::move(host)), sink_(std::make_shared<guarded_sink>(std::move(sink))) {}

  ~port() override {
    sink_->cut();
    with_process([](kernel_process& p) { p.retire(); });
  }

  void start(actors::kernel_start what) override {
    asio::post(core_->io, [c = core_.get(), sink = sink_, gauge = gauge_, current = current_,
                           what = std::move(what)]() mutable {
      c->start(sink, gauge, std::move(what), *current);
    });
  }
  /// From the caller's thread where that keeps the order (an interrupt before it is for another):
  /// to wake the host's takes longer.
  void send(protocol::jupyter::message m) override {
    auto link = gauge_->waiting == 0 ? gauge_->link.load().lock() : nullptr;
    if (link) return link->send(m);
    with_process([m = std::move(m)](kernel_process& p) { p.send(m); });
  }
  void interrupt() override {
    with_process([](kernel_process& p) { p.interrupt(); });
  }
  void kill() override {
    with_process([](kernel_process& p) { p.kill(); });
  }
  void drain() override {
    with_process([](kernel_process& p) { p.drain(); });
  }
  void consumed(std::uint64_t bytes) override {
    with_process([bytes](kernel_process& p) { p.consumed(bytes); });
  }
  /// The group counts what the kernel started, too. With others in it that would be theirs
  /// as well, so from then on only the process's own time is added.
  double cpu_ms() const override {
    auto pid = gauge_->pid.load();
    auto in = gauge_->in.load().lock();
    auto all_ms = in && in->group && in->of_one() ? in->group->cpu_ms() : -1;
    if (all_ms >= 0) {
      own_ms_.reset();
      return told_ms_ = all_ms;
    }
    auto own_ms = pid == 0 ? gauge_->last_cpu_ms.load() : cpu_ms_of(pid);
    told_ms_ += std::max(0.0, own_ms - own_ms_.value_or(own_ms));
    own_ms_ = own_ms;
    return told_ms_;
  }
  std::uint64_t memory_peak_bytes() const override {
    auto status = gauge_->status.load();
    return status ? memory_peak_in(status->get()) : gauge_->last_memory_peak.load();
  }

 private:
  template <class Action>
  void with_process(Action action) {
    ++gauge_->waiting;
    asio::post(core_->io, [current = current_, gauge = gauge_, action = std::move(action)] {
      if (auto process = *current) action(*process);
      --gauge->waiting;
    });
  }

  std::shared_ptr<core> core_;
  std::shared_ptr<guarded_sink> sink_;
  std::shared_ptr<kernel_gauge> gauge_ = std::make_shared<kernel_gauge>();
  mutable double told_ms_ = 0;  ///< asked by one actor only
  mutable std::optional<double> own_ms_ = 0;
  /// The latest generation's process; touched on the host's thread only.
  std::shared_ptr<std::shared_ptr<kernel_process>> current_ =
      std::make_shared<std::shared_ptr<kernel_process>>();
};

kernel_host::kernel_host(const config::kernel_options& kernel, kernel_host_options options,
                         launcher& launch) {
  all_signals_blocked in_new_threads;
  core_ = std::make_shared<core>(kernel, std::move(options), launch);
  core_->thread = std::thread([c = core_.get()] { c->run(); });
}

kernel_host::~kernel_host() {
  asio::post(core_->io, [c = core_.get()] { c->stop(); });
  core_->thread.join();
  core_->sweeps.join();
  ::rmdir(core_->around.run_dir.c_str());  // when it is empty, as it should be
}

std::unique_ptr<actors::kernel_port> kernel_host::make_port(
    std::shared_ptr<actors::kernel_sink> sink) {
  return std::make_unique<port>(core_, std::move(sink));
}

std::string kernel_host::run_dir() const {
  return core_->around.run_dir;
}

std::uint64_t kernel_host::malformed_messages() const {
  return core_->malformed;
}

}  // namespace gateways
