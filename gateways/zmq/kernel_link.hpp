// The link to one kernel process: its five ZeroMQ channels, on the one kernel I/O thread.
//
// Owned by a kernel_process. Proves that shell answers and iopub is subscribed before it says
// `ready`; watches the heartbeat; checks every signature; stops reading iopub while too many bytes
// are out with the reader, which loses nothing: the kernel is told what was read, and waits.
// Invariants: all methods and callbacks run on the I/O thread, but for `send`; no callback after
// `close`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateways/zmq/socket.hpp"
#include "protocol/jupyter/message.hpp"

namespace gateways {

struct link_settings {
  std::string shell, stdin_, control, iopub, heartbeat;  ///< endpoints
  std::string key;
  std::string session;  ///< of the messages we send; unique to the link
  std::uint64_t heartbeat_misses = 5;
  int read_count = -1;  ///< an eventfd, borrowed: gets the bytes that were read from iopub
};

struct link_events {
  std::function<void()> ready;
  std::function<void(std::vector<protocol::jupyter::message>)> received;
  std::function<void(std::uint64_t misses)> heartbeat_lost;
  std::function<void(std::string why)> malformed;  ///< a message was dropped
  std::function<void(std::string why)> failed;     ///< it cannot be opened; nothing else follows
};

class kernel_link : public std::enable_shared_from_this<kernel_link> {
 public:
  kernel_link(boost::asio::io_context& io, zmq::context_t& context, link_settings settings,
              link_events events);

  /// Connects, then shakes hands. The sockets listen already, also before the kernel is there.
  void open();
  bool ready() const { return ready_; }
  /// Any thread, once the link is ready. Dropped after it is closed.
  void send(const protocol::jupyter::message& m);
  /// One tick of the heartbeat: judges the last ping, sends the next.
  void beat();
  void consumed(std::uint64_t bytes);
  /// Calls `done` when the channels of the dead process have been quiet for 3 ms, or after 200 ms.
  void drain(std::function<void()> done);
  void close();

 private:
  using clock = std::chrono::steady_clock;
  using channel = protocol::jupyter::channel;

  void connect();
  void shake_hands();
  void handshake_message(const protocol::jupyter::message& m);
  void schedule();
  void turn();
  bool read(watched_socket& socket, channel on, std::vector<protocol::jupyter::message>& batch);
  void take(channel on, std::vector<protocol::jupyter::message>& batch);
  void count_read();
  void read_echoes();
  bool paused();
  void drain_step(clock::time_point deadline, std::uint64_t seen, std::function<void()> done);

  boost::asio::io_context& io_;
  zmq::context_t& context_;
  link_settings settings_;
  link_events events_;
  std::shared_ptr<watched_socket> shell_, stdin_, control_, iopub_, heartbeat_;
  boost::asio::steady_timer timer_;
  std::vector<zmq::message_t> frames_;

  bool closed_ = false;
  bool scheduled_ = false;
  std::string handshake_prefix_;  ///< of the msg_ids of our own questions
  std::uint64_t handshakes_ = 0;
  bool shell_answered_ = false;
  bool iopub_heard_ = false;
  bool ready_ = false;

  bool ping_out_ = false;
  std::uint64_t misses_ = 0;
  bool lost_ = false;

  std::uint64_t bytes_out_ = 0;  ///< given to the reader, not handed back yet
  bool paused_ = false;
  bool draining_ = false;
  std::uint64_t messages_read_ = 0;
  std::uint64_t bytes_uncounted_ = 0;  ///< read from iopub; the kernel was not told yet
};

}  // namespace gateways
