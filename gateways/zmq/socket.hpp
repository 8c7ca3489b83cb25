// One ZeroMQ socket watched by Asio. Owned by a link; lives on the one I/O thread, but for `send`.
//
// Its descriptor signals edges only: after a receive the owner has to look at `readable` again, and
// after a send at what it gave, or it may sleep over what has come. Invariant: no edge is reported
// after `close`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace gateways {

class watched_socket : public std::enable_shared_from_this<watched_socket> {
 public:
  watched_socket(boost::asio::io_context& io, zmq::context_t& context, zmq::socket_type type);
  ~watched_socket();

  /// Options are set before `connect`.
  zmq::socket_t& raw() { return socket_; }
  /// `edge` is called when something may have changed, until `close`.
  void connect(const std::string& endpoint, std::function<void()> edge);
  /// Costs nothing when nothing has happened since it was found to be empty.
  bool readable();
  /// The next `readable` asks ZeroMQ in any case.
  void look_again();
  /// The next message's frames; false when there is none.
  bool receive(std::vector<zmq::message_t>& frames);
  /// Any thread. Whether there is something to read now, of which no edge may tell any more.
  /// Nothing is sent after `close`.
  [[nodiscard]] bool send(std::span<const std::string> frames);
  void close();

 private:
  void arm();
  bool ask();

  std::mutex mutex_;  ///< of `socket_` and `stirred_`
  zmq::socket_t socket_;
  boost::asio::posix::stream_descriptor fd_;
  std::function<void()> edge_;
  bool stirred_ = true;  ///< an edge came since it was found to be empty
};

}  // namespace gateways
