#include "actors/run_here.hpp"

#include <pthread.h>

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <chrono>
#include <deque>
#include <utility>

#include "actors/here_first.hpp"

namespace actors {
namespace {

constexpr std::size_t messages_max = 8;  // of one actor, before others have their turn

}  // namespace

class run_here::unit : public caf::execution_unit {
 public:
  unit(post_function post, std::chrono::microseconds turn_max)
      : post_(std::move(post)), turn_max_(turn_max) {}

  void exec_later(caf::resumable* job) override {
    waiting_.push_back(job);
    if (!std::exchange(asked_, true)) post_([this] { run(); });
  }

  void enqueue(here_first& scheduler, caf::resumable* job) {
    scheduler_ = &scheduler;
    system_ = &scheduler.system();
    exec_later(job);
  }

  void hand_over() {
    for (auto* job : std::exchange(waiting_, {})) scheduler_->to_workers(job);
  }

 private:
  void run() {
    auto end = std::chrono::steady_clock::now() + turn_max_;
    do {
      auto* job = waiting_.front();
      waiting_.pop_front();
      if (job->resume(this, messages_max) == caf::resumable::resume_later)
        scheduler_->to_workers(job);
      else
        caf::intrusive_ptr_release(job);
    } while (!waiting_.empty() && std::chrono::steady_clock::now() < end);
    asked_ = false;
    if (!waiting_.empty()) hand_over();
  }

  const post_function post_;
  const std::chrono::microseconds turn_max_;
  std::deque<caf::resumable*> waiting_;
  bool asked_ = false;               ///< `run` comes
  here_first* scheduler_ = nullptr;  ///< whose actors run here
};

namespace {

thread_local run_here* of_this_thread = nullptr;

}  // namespace

run_here::run_here(post_function post, std::chrono::microseconds turn_max)
    : unit_(std::make_unique<unit>(std::move(post), turn_max)) {
  of_this_thread = this;
}

run_here::~run_here() {
  of_this_thread = nullptr;
  unit_->hand_over();
}

caf::actor_system::module* here_first::make(caf::actor_system& sys, caf::detail::type_list<>) {
  return new here_first(sys);
}

void here_first::start() {
  clock_thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "clock");
    clock_.run();
  });
  super::start();
}

void here_first::stop() {
  super::stop();
  clock_.stop();
  clock_thread_.join();
}

void here_first::enqueue(caf::resumable* job) {
  if (of_this_thread)
    of_this_thread->unit_->enqueue(*this, job);
  else
    super::enqueue(job);
}

}  // namespace actors
