// One ZeroMQ socket watched by Asio. Owned by a link; lives on the one I/O thread.
//
// Its descriptor signals edges only: after every send and receive the owner has to look at
// `readable` again, or it may sleep over what has come. Invariant: no edge is reported after
// `close`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
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
  void look_again() noexcept { stirred_ = true; }
  /// The next message's frames; false when there is none.
  bool receive(std::vector<zmq::message_t>& frames);
  void send(std::span<const std::string> frames);
  void close();

 private:
  void arm();

  zmq::socket_t socket_;
  boost::asio::posix::stream_descriptor fd_;
  std::function<void()> edge_;
  bool stirred_ = true;  ///< an edge or a send came since it was found to be empty
};

}  // namespace gateways
