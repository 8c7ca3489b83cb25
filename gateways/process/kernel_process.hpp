// One generation of a kernel: its folder, its process, its link. Lives on the kernel I/O thread.
//
// Owned by the host from start until the process is reaped and nobody asks for what it said; told
// what to do by a port. States go one way: started -> exited -> over. Everything that the kernel
// started ends with it, on every way to `over`.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "actors/env.hpp"
#include "config/config.hpp"
#include "gateways/isolation/launcher.hpp"
#include "gateways/process/guarded_sink.hpp"
#include "gateways/process/run_dir.hpp"
#include "gateways/process/workload.hpp"
#include "gateways/zmq/kernel_link.hpp"

namespace gateways {

class kernel_process;

/// What a port measures by, and sends through; set by the process that runs.
struct kernel_gauge {
  std::atomic<int> pid{0};                                ///< 0: there is none
  std::atomic<std::shared_ptr<const descriptor>> status;  ///< its file in /proc
  std::atomic<std::weak_ptr<const box>> in;  ///< not kept: its group goes when it is closed
  std::atomic<double> last_cpu_ms{0};        ///< of the process that has ended
  std::atomic<std::uint64_t> last_memory_peak{0};
  std::atomic<std::weak_ptr<kernel_link>> link;  ///< while it is ready and the process runs
  std::atomic<int> waiting{0};                   ///< actions that the host's thread has still to do
};

/// What a process needs of its host; outlives every process.
struct process_surroundings {
  boost::asio::io_context& io;
  zmq::context_t& zmq;
  launcher& launch;
  const config::kernel_options& options;
  std::string run_dir;
  std::string instance;
  gates ways;
  std::function<void(std::string environment_entry)> sweep;  ///< elsewhere: it takes a while
  std::function<void(std::string why)> malformed;
  std::function<void(const std::shared_ptr<kernel_process>&)> over;
};

class kernel_process : public std::enable_shared_from_this<kernel_process> {
 public:
  kernel_process(process_surroundings& around, actors::kernel_start what,
                 std::shared_ptr<guarded_sink> sink, std::shared_ptr<kernel_gauge> gauge);

  /// `started` or `start_failed` is told; after the latter it is over. `name` is the folder's.
  bool start(const std::string& name);
  void send(const protocol::jupyter::message& m);
  void interrupt();
  void kill();
  void drain();
  void consumed(std::uint64_t bytes) {
    if (link_) link_->consumed(bytes);
  }
  /// One tick of the heartbeat.
  void beat();
  /// Nobody wants to hear more: killed if it runs, over as soon as it is reaped.
  void retire();

 private:
  std::string launch(const std::string& name);
  containment contain(const box& in, int output);
  void open_link();
  void began(int pid);
  void ended(const workload_end& how);
  void watch_output();
  void read_output();
  void finish();

  process_surroundings& around_;
  actors::kernel_start what_;
  std::shared_ptr<guarded_sink> sink_;
  std::shared_ptr<kernel_gauge> gauge_;
  kernel_folder folder_;
  descriptor read_count_;  ///< an eventfd: tells the kernel how much of its output was read
  std::shared_ptr<kernel_link> link_;
  std::shared_ptr<workload> workload_;
  boost::asio::posix::stream_descriptor output_;
  std::weak_ptr<box> box_;
  int child_ = 0;        ///< our own, from which its processes descend
  std::string mark_;     ///< the environment entry that only this start's processes have
  std::string tail_;     ///< of what it wrote to stdout and stderr
  bool killed_ = false;  ///< by us
  bool exited_ = false;
  bool draining_ = false;
  bool retired_ = false;
  bool over_ = false;
};

}  // namespace gateways
