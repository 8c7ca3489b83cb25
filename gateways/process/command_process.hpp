// One command's process, its streams and its end. Lives on the command I/O thread.
//
// Owned by the host from its start until it is reaped and read to the end; told what to do by a
// port. Everything that the command started ends with it. Invariants: all it printed is told before
// its end; what was told and not handed back is at most `unconsumed_max` and one read a stream.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "gateways/isolation/launcher.hpp"
#include "gateways/process/guarded_sink.hpp"
#include "gateways/process/workload.hpp"

namespace gateways {

class command_process;

/// What a process needs of its host; outlives every process.
struct command_surroundings {
  boost::asio::io_context& io;
  launcher& launch;
  std::string python;  ///< of kernels; commands see it as well
  std::string instance;
  gates ways;
  std::function<void(std::string environment_entry)> sweep;  ///< elsewhere: it takes a while
  std::function<void(const std::shared_ptr<command_process>&)> over;
};

class command_process : public std::enable_shared_from_this<command_process> {
 public:
  static constexpr std::uint64_t unconsumed_max = 1 << 20;

  command_process(command_surroundings& around, actors::command_start what,
                  std::shared_ptr<guarded<actors::command_sink>> sink);

  /// False: `start_failed` has been told and it is over.
  bool start();
  void write(const std::string& bytes, bool last);
  void resize(std::uint64_t rows, std::uint64_t columns);
  void terminate();
  void kill();
  void consumed(std::uint64_t bytes);
  /// Nobody wants to hear more: killed, over as soon as it is reaped.
  void retire();

 private:
  using stream = boost::asio::posix::stream_descriptor;
  struct reader {
    stream from;
    protocol::command_stream on = protocol::command_stream::out;
    bool paused = false;  ///< until bytes are handed back
  };

  std::string launch();
  containment contain(const box& in) const;
  void open_pipes(containment& c, std::vector<descriptor>& theirs);
  void open_terminal(containment& c, std::vector<descriptor>& theirs);
  void watch(reader& r);
  bool read(reader& r);
  void read_what_is_left();
  void write_more();
  void drop_input();
  void ended(const workload_end& how);
  void wait_for_readers();
  void close_when_read();
  void finish();

  command_surroundings& around_;
  actors::command_start what_;
  std::shared_ptr<guarded<actors::command_sink>> sink_;
  std::shared_ptr<workload> workload_;
  std::array<reader, 2> readers_;  ///< stdout and stderr, or the terminal alone
  stream input_;                   ///< to its stdin, or to the terminal
  std::string unwritten_;
  bool input_ends_ = false;  ///< after what is unwritten
  std::uint64_t unconsumed_ = 0;
  std::weak_ptr<box> box_;
  int child_ = 0;     ///< our own, from which its processes descend
  std::string mark_;  ///< the environment entry that only this command's processes have
  boost::asio::steady_timer grace_;
  workload_end end_;
  std::uint64_t memory_bytes_ = 0;  ///< used when it was killed for that; 0: it was not
  bool killed_ = false;             ///< by us
  bool exited_ = false;
  bool retired_ = false;
  bool over_ = false;
};

}  // namespace gateways
