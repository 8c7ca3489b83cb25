#include "gateways/process/command_host.hpp"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "actors/run_here.hpp"
#include "gateways/process/command_process.hpp"
#include "gateways/process/signals.hpp"
#include "gateways/process/sweeper.hpp"

namespace gateways {
namespace asio = boost::asio;

namespace {

constexpr auto stop_max = std::chrono::seconds(5);

}  // namespace

/// What the host, its thread and its ports share. `live` belongs to the thread.
struct command_host::core {
  core(command_host_options given, launcher& launch);
  void run();
  void start(const std::shared_ptr<guarded<actors::command_sink>>& sink, actors::command_start what,
             std::shared_ptr<command_process>& current);
  void stop();

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  sweeper sweeps;
  asio::steady_timer stop_timer{io};
  command_surroundings around;
  std::set<std::shared_ptr<command_process>> live;
  bool stopping = false;
  std::thread thread;
};

command_host::core::core(command_host_options given, launcher& launch)
    : around{io, launch, std::move(given.python), std::move(given.instance), given.ways, {}, {}} {
  around.sweep = [this](std::string entry) { sweeps.sweep(std::move(entry)); };
  around.over = [this](const std::shared_ptr<command_process>& process) {
    live.erase(process);
    if (stopping && live.empty()) io.stop();
  };
}

void command_host::core::run() {
  ::pthread_setname_np(::pthread_self(), "commands");
  actors::run_here actors([this](auto f) { asio::post(io, std::move(f)); });
  io.run();
}

void command_host::core::start(const std::shared_ptr<guarded<actors::command_sink>>& sink,
                               actors::command_start what,
                               std::shared_ptr<command_process>& current) {
  if (stopping) return;
  auto process = std::make_shared<command_process>(around, std::move(what), sink);
  if (!process->start()) return;
  live.insert(process);
  current = std::move(process);
}

void command_host::core::stop() {
  stopping = true;
  if (live.empty()) return io.stop();
  for (auto processes = live; auto& p : processes) p->retire();
  stop_timer.expires_after(stop_max);  // a process in uninterruptible sleep must not hold us
  stop_timer.async_wait([this](boost::system::error_code) { io.stop(); });
}

/// A command's end with its actor. What it does is done on the host's thread, in order.
class command_host::port : public actors::command_port {
 public:
  port(std::shared_ptr<core> host, std::shared_ptr<actors::command_sink> sink)
      : core_(std::move(host)),
        sink_(std::make_shared<guarded<actors::command_sink>>(std::move(sink))) {}

  ~port() override {
    sink_->cut();
    with_process([](command_process& p) { p.retire(); });
  }

  void start(actors::command_start what) override {
    asio::post(core_->io,
               [c = core_.get(), sink = sink_, current = current_,
                what = std::move(what)]() mutable { c->start(sink, std::move(what), *current); });
  }
  void write(std::string bytes, bool last) override {
    with_process([bytes = std::move(bytes), last](command_process& p) { p.write(bytes, last); });
  }
  void resize(std::uint64_t rows, std::uint64_t columns) override {
    with_process([rows, columns](command_process& p) { p.resize(rows, columns); });
  }
  void terminate() override {
    with_process([](command_process& p) { p.terminate(); });
  }
  void kill() override {
    with_process([](command_process& p) { p.kill(); });
  }
  void consumed(std::uint64_t bytes) override {
    with_process([bytes](command_process& p) { p.consumed(bytes); });
  }

 private:
  template <class Action>
  void with_process(Action action) {
    asio::post(core_->io, [current = current_, action = std::move(action)] {
      if (auto process = *current) action(*process);
    });
  }

  std::shared_ptr<core> core_;
  std::shared_ptr<guarded<actors::command_sink>> sink_;
  /// Touched on the host's thread only; null: not started.
  std::shared_ptr<std::shared_ptr<command_process>> current_ =
      std::make_shared<std::shared_ptr<command_process>>();
};

command_host::command_host(command_host_options options, launcher& launch) {
  all_signals_blocked in_new_threads;
  core_ = std::make_shared<core>(std::move(options), launch);
  core_->thread = std::thread([c = core_.get()] { c->run(); });
}

command_host::~command_host() {
  asio::post(core_->io, [c = core_.get()] { c->stop(); });
  core_->thread.join();
  core_->sweeps.join();
}

std::unique_ptr<actors::command_port> command_host::make_port(
    std::shared_ptr<actors::command_sink> sink) {
  return std::make_unique<port>(core_, std::move(sink));
}

}  // namespace gateways
