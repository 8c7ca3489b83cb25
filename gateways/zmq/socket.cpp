#include "gateways/zmq/socket.hpp"

namespace gateways {

watched_socket::watched_socket(boost::asio::io_context& io, zmq::context_t& context,
                               zmq::socket_type type)
    : socket_(context, type), fd_(io) {
  socket_.set(zmq::sockopt::linger, 0);
}

watched_socket::~watched_socket() {
  close();
}

void watched_socket::connect(const std::string& endpoint, std::function<void()> edge) {
  // The first retry comes soon, since a socket file exists for a moment before it is listened on;
  // later ones are for a kernel that is going away.
  socket_.set(zmq::sockopt::reconnect_ivl, 2);
  socket_.set(zmq::sockopt::reconnect_ivl_max, 200);
  socket_.connect(endpoint);
  edge_ = std::move(edge);
  fd_.assign(socket_.get(zmq::sockopt::fd));
  arm();
}

void watched_socket::arm() {
  fd_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                 [weak = weak_from_this()](boost::system::error_code ec) {
                   auto self = weak.lock();
                   if (ec || !self || !self->edge_) return;
                   self->look_again();
                   self->edge_();
                   if (self->edge_) self->arm();
                 });
}

bool watched_socket::ask() {
  return stirred_ = (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
}

void watched_socket::look_again() {
  std::lock_guard lock(mutex_);
  stirred_ = true;
}

bool watched_socket::readable() {
  std::lock_guard lock(mutex_);
  return stirred_ && ask();
}

bool watched_socket::receive(std::vector<zmq::message_t>& frames) {
  std::lock_guard lock(mutex_);
  frames.clear();
  do {
    zmq::message_t frame;
    if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return false;
    frames.push_back(std::move(frame));
  } while (frames.back().more());
  return true;
}

bool watched_socket::send(std::span<const std::string> frames) {
  std::lock_guard lock(mutex_);
  if (!socket_) return false;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    auto more = i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    if (!socket_.send(zmq::buffer(frames[i]), more | zmq::send_flags::dontwait)) break;
  }
  return ask();
}

void watched_socket::close() {
  edge_ = nullptr;
  if (fd_.is_open()) fd_.release();  // the descriptor is ZeroMQ's; Asio must let go of it first
  std::lock_guard lock(mutex_);
  socket_.close();
}

}  // namespace gateways
