#include "gateways/zmq/kernel_link.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "protocol/jupyter/content.hpp"
#include "protocol/jupyter/wire.hpp"

namespace gateways {
namespace {

using namespace std::chrono_literals;
using protocol::jupyter::message;

constexpr int messages_per_turn = 64;  // then it is another kernel's turn
constexpr std::uint64_t bytes_out_max = 32 << 20;
// What ZeroMQ reads ahead of us. Behind it the kernel's queue grows, not ours.
constexpr int receive_messages_max = 64;
// So much is told to the kernel at once, far below the bound at which it waits
// (kernel_launcher.py).
constexpr std::uint64_t counted_bytes = 1 << 20;
constexpr auto handshake_repeat = 50ms;
constexpr auto quiet_for = 3ms;
constexpr auto drain_max = 200ms;  // on a machine that has no time for us

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

kernel_link::kernel_link(boost::asio::io_context& io, zmq::context_t& context,
                         link_settings settings, link_events events)
    : io_(io),
      context_(context),
      settings_(std::move(settings)),
      events_(std::move(events)),
      timer_(io),
      handshake_prefix_(settings_.session + "_handshake_") {}

void kernel_link::open() {
  if (closed_) return;
  try {
    connect();
  } catch (const std::exception& e) {  // ZeroMQ or Asio: mostly no descriptors left
    events_.failed(e.what());
  }
}

void kernel_link::connect() {
  auto make = [this](zmq::socket_type type) {
    return std::make_shared<watched_socket>(io_, context_, type);
  };
  shell_ = make(zmq::socket_type::dealer);
  stdin_ = make(zmq::socket_type::dealer);
  control_ = make(zmq::socket_type::dealer);
  iopub_ = make(zmq::socket_type::sub);
  heartbeat_ = make(zmq::socket_type::dealer);
  // The kernel asks for input on stdin by the name it knows from shell.
  for (auto& s : {shell_, stdin_}) s->raw().set(zmq::sockopt::routing_id, settings_.session);
  for (auto& s : {shell_, stdin_, control_}) s->raw().set(zmq::sockopt::sndhwm, 0);
  iopub_->raw().set(zmq::sockopt::subscribe, "");
  iopub_->raw().set(zmq::sockopt::rcvhwm, receive_messages_max);
  auto edge = [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->turn();
  };
  iopub_->connect(settings_.iopub, edge);
  shell_->connect(settings_.shell, edge);
  stdin_->connect(settings_.stdin_, edge);
  control_->connect(settings_.control, edge);
  heartbeat_->connect(settings_.heartbeat, edge);
  shake_hands();
  schedule();
}

void kernel_link::shake_hands() {
  message question;
  question.on = channel::shell;
  question.msg_id = handshake_prefix_ + std::to_string(++handshakes_);
  question.msg_type = "kernel_info_request";
  question.content = protocol::buffer(protocol::jupyter::kernel_info_content());
  send(question);
}

/// One question on shell is enough for an answer there, since it waits until the kernel listens.
/// Its traces on iopub may come before we are subscribed; then it is asked again until one is seen.
void kernel_link::handshake_message(const message& m) {
  if (m.on == channel::iopub) iopub_heard_ = true;
  if (m.on == channel::shell && !std::exchange(shell_answered_, true) && !iopub_heard_) {
    timer_.expires_after(handshake_repeat);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
      auto self = weak.lock();
      if (ec || !self || self->closed_ || self->iopub_heard_) return;
      self->shell_answered_ = false;
      self->shake_hands();
    });
  }
}

void kernel_link::send(const message& m) {
  if (!shell_) return;
  auto& socket = m.on == channel::control ? control_ : m.on == channel::input ? stdin_ : shell_;
  if (socket->send(protocol::jupyter::encode(m, settings_.key, settings_.session, wall_ms())))
    boost::asio::post(io_, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->turn();
    });
}

void kernel_link::schedule() {
  if (std::exchange(scheduled_, true)) return;
  boost::asio::post(io_, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->scheduled_ = false;
    self->turn();
  });
}

bool kernel_link::paused() {
  if (bytes_out_ > bytes_out_max) paused_ = true;
  if (bytes_out_ < bytes_out_max / 2) paused_ = false;
  return paused_ && !draining_;
}

void kernel_link::turn() {
  if (closed_ || !shell_) return;
  std::vector<message> batch;
  bool more = false;
  more |= read(*iopub_, channel::iopub, batch);
  more |= read(*shell_, channel::shell, batch);
  more |= read(*stdin_, channel::input, batch);
  more |= read(*control_, channel::control, batch);
  read_echoes();
  if (more) schedule();
  bool now_ready = !ready_ && shell_answered_ && iopub_heard_;
  if (now_ready) ready_ = true;
  auto self = shared_from_this();  // a callback may close the link
  if (now_ready) events_.ready();
  if (!batch.empty() && !closed_) events_.received(std::move(batch));
}

/// True: there may be more.
bool kernel_link::read(watched_socket& socket, channel on, std::vector<message>& batch) {
  for (int n = 0; n < messages_per_turn; ++n) {
    // Asked also when paused: it takes the signal off the descriptor, which else would never rest.
    if (!socket.readable()) return false;
    if (on == channel::iopub && paused()) return false;  // `consumed` goes on
    if (!socket.receive(frames_)) return false;
    ++messages_read_;
    if (on == channel::iopub) count_read();
    take(on, batch);
  }
  return true;
}

void kernel_link::count_read() {
  for (auto& f : frames_) bytes_uncounted_ += f.size();
  if (bytes_uncounted_ < counted_bytes) return;
  ::eventfd_write(settings_.read_count, std::exchange(bytes_uncounted_, 0));
}

void kernel_link::take(channel on, std::vector<message>& batch) {
  std::vector<std::string_view> views;
  views.reserve(frames_.size());
  for (auto& f : frames_) views.push_back(f.to_string_view());
  auto m = protocol::jupyter::decode(views, settings_.key, on);
  if (!m) return events_.malformed(m.error().detail);
  if (m->parent_msg_id.starts_with(handshake_prefix_)) return handshake_message(*m);
  bytes_out_ += protocol::jupyter::bytes_of(*m);
  batch.push_back(std::move(*m));
}

void kernel_link::read_echoes() {
  while (heartbeat_->readable() && heartbeat_->receive(frames_)) {
    ping_out_ = false;
    misses_ = 0;
  }
}

void kernel_link::beat() {
  if (!ready_ || closed_ || lost_ || draining_) return;
  read_echoes();  // after a stop of our own the echo may wait behind this tick
  if (ping_out_ && ++misses_ >= settings_.heartbeat_misses) {
    lost_ = true;
    return events_.heartbeat_lost(misses_);
  }
  // The empty frame is what a REQ socket would send; a REP one insists on it.
  static const std::array<std::string, 2> ping{"", "ping"};
  ping_out_ = true;
  if (heartbeat_->send(ping)) schedule();
}

void kernel_link::consumed(std::uint64_t bytes) {
  bytes_out_ -= std::min(bytes, bytes_out_);
  if (paused_ && !paused()) schedule();
}

void kernel_link::drain(std::function<void()> done) {
  draining_ = true;
  if (!shell_) return done();
  for (auto& s : {iopub_, shell_, stdin_, control_}) s->look_again();
  turn();
  drain_step(clock::now() + drain_max, messages_read_, std::move(done));
}

void kernel_link::drain_step(clock::time_point deadline, std::uint64_t seen,
                             std::function<void()> done) {
  if (closed_) return;
  timer_.expires_after(quiet_for);
  timer_.async_wait([weak = weak_from_this(), deadline, seen,
                     done = std::move(done)](boost::system::error_code ec) mutable {
    auto self = weak.lock();
    if (ec || !self || self->closed_) return;
    self->turn();
    if (self->messages_read_ != seen && clock::now() < deadline)
      return self->drain_step(deadline, self->messages_read_, std::move(done));
    done();
  });
}

void kernel_link::close() {
  if (std::exchange(closed_, true)) return;
  timer_.cancel();
  for (auto& s : {shell_, stdin_, control_, iopub_, heartbeat_})
    if (s) s->close();
}

}  // namespace gateways
