// Something that was launched, from its first process to its end. Lives on the process I/O thread.
//
// Owned by whoever launched it; tells it, in order: `started` with the workload's own process
// number on the host, or not at all; then `ended`, once, when no process of it is left where it has
// a namespace, and the init has killed what it saw where it has none. Ends by SIGKILL to process 1
// inside, never to bubblewrap: killing that one early would orphan the rest.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateways/inside/report.hpp"
#include "gateways/isolation/launcher.hpp"

namespace gateways {

struct workload_end {
  bool started = false;  ///< false: `exit_code` is of what should have started it
  int exec_error = 0;    ///< an errno: the program could not be run
  int exit_code = -1;    ///< 0..255; -1: ended by a signal
  int signal = 0;
  // Of everything it was, what kept it contained included, as far as it was waited for.
  double cpu_ms = 0;
  std::uint64_t memory_peak_bytes = 0;  ///< of the largest of its processes
};

/// The `VmHWM` in a process's /proc/PID/status, in bytes; 0: it cannot be read.
std::uint64_t memory_peak_in(int status_file);

struct workload_events {
  std::function<void(int pid)> started;
  std::function<void(workload_end)> ended;
};

class workload : public std::enable_shared_from_this<workload> {
 public:
  /// May throw what Asio throws when it cannot watch a descriptor; everything is ended then.
  workload(boost::asio::io_context& io, const launched& what, workload_events events);
  ~workload();

  void watch();
  /// To the workload's process group, at once; ignored before it has started.
  void signal(int number);
  /// The same, and to its descendants that left the group.
  void signal_all(int number);
  /// SIGKILL to everything.
  void kill();

 private:
  using stream = boost::asio::posix::stream_descriptor;

  void watch_status();
  void read_status();
  void look_at_peak();
  void watch_report();
  bool read_report();
  void watch_exit();
  void reap();

  stream status_, report_, exit_;
  workload_events events_;
  int pid_ = 0;           ///< our child; 0: reaped
  int workload_pid_ = 0;  ///< 0: not started
  descriptor first_;      ///< a pidfd of process 1 inside; none: not known yet, or no namespace
  std::string status_text_;
  bool kill_due_ = false;  ///< as soon as process 1 is known
  workload_end end_;
};

}  // namespace gateways
