#include "gateways/cli/follower.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iostream>

namespace gateways::cli {
namespace {

using namespace std::chrono_literals;
constexpr auto unreachable_max = 10s;
constexpr auto retry_pause = 200ms;

}  // namespace

signal_source::signal_source() {
  ::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is seen as a failed write
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

signal_source::~signal_source() {
  ::close(fd_);
}

void signal_source::consume() noexcept {
  signalfd_siginfo info;
  [[maybe_unused]] const auto n = ::read(fd_, &info, sizeof info);
}

int follower::follow() {
  while (!over()) {
    const auto answer = daemon_.stream(next_request(), *this);
    if (over()) break;
    if (answer && !answer->ok()) {
      const auto why = explain(*answer);
      std::cerr << "troupe: " << why.text << '\n';
      return why.code;
    }
    if (!answer && gave_up(answer.error())) {
      const auto why = explain(answer.error(), daemon_);
      std::cerr << "troupe: " << why.text << '\n';
      return why.code;
    }
    wait_before_retry();
  }
  return exit_ok;
}

/// A daemon that was never there is told at once; one that was may come back.
bool follower::gave_up(const transport_error& error) {
  if (!reached_ && !error.connected) return true;
  reached_ = true;
  const auto now = std::chrono::steady_clock::now();
  if (!lost_) lost_ = now;
  return now - *lost_ > unreachable_max;
}

std::vector<side_input> follower::side_inputs() {
  auto interrupted = [this] {
    signals_.consume();
    on_interrupt();
  };
  return {{signals_.fd(), interrupted}};
}

void follower::on_header(const response&) {
  reached_ = true;
  lost_.reset();
}

void follower::wait_before_retry() {
  pollfd watched{signals_.fd(), POLLIN, 0};
  if (::poll(&watched, 1, static_cast<int>(retry_pause / 1ms)) <= 0) return;
  signals_.consume();
  on_interrupt();
}

}  // namespace gateways::cli
