// Follows a numbered stream of events over dropped connections until it has ended, and minds
// Ctrl-C while it does.
//
// What the events mean is the derived class's business: it names the next request, takes the
// lines and says when it is done.
#pragma once

#include <chrono>

#include "gateways/cli/daemon.hpp"

namespace gateways::cli {

/// SIGINT and SIGTERM as a descriptor; they are blocked from construction on.
class signal_source {
 public:
  signal_source();
  ~signal_source();
  signal_source(const signal_source&) = delete;
  signal_source& operator=(const signal_source&) = delete;

  int fd() const noexcept { return fd_; }
  void consume() noexcept;

 private:
  int fd_ = -1;
};

class follower : public line_listener {
 public:
  explicit follower(const http_client& daemon) : daemon_(daemon) {}

  /// Returns `exit_ok` once `over()`. A refusal, and a daemon that cannot be reached or stays away
  /// for longer than 10 s, are told on stderr and give their exit code.
  int follow();

 protected:
  virtual request next_request() = 0;  ///< the first, and the one after a drop
  virtual bool over() const = 0;
  virtual void on_interrupt() = 0;  ///< SIGINT or SIGTERM came

  const http_client& daemon() const noexcept { return daemon_; }
  std::vector<side_input> side_inputs() override;
  void on_header(const response& header) override;
  bool wants_more() const override { return !over(); }

 private:
  bool gave_up(const transport_error& error);
  void wait_before_retry();

  const http_client& daemon_;
  signal_source signals_;
  bool reached_ = false;
  std::optional<std::chrono::steady_clock::time_point> lost_;  ///< since when it does not answer
};

}  // namespace gateways::cli
