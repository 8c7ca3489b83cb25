#include "gateways/store/store_gate.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "gateways/files/contents.hpp"
#include "gateways/inside/doors.hpp"
#include "gateways/process/signals.hpp"
#include "protocol/files/store.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/object_writer.hpp"

namespace gateways {
namespace asio = boost::asio;

namespace {

using asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::size_t connections_max = 16;  // of one workload
constexpr std::size_t packet_bytes_max =
    inside::store_name_bytes_max + 1 + inside::store_record_bytes_max;
constexpr auto accept_again = std::chrono::milliseconds(100);

/// Where the records of one workload come from.
struct door {
  door(asio::io_context& io, std::string sandbox)
      : sandbox_id(std::move(sandbox)), init(io), listener(io), pause(io) {}
  const std::string sandbox_id;
  stream_descriptor init, listener;
  asio::steady_timer pause;
  std::set<std::shared_ptr<stream_descriptor>> clients;
  bool waiting = false;  ///< for a client to go, before it accepts another
};

using door_ptr = std::shared_ptr<door>;
using client_ptr = std::shared_ptr<stream_descriptor>;

}  // namespace

/// All but `append` is of the thread.
struct store_gate::core : std::enable_shared_from_this<core> {
  core(const actors::node_views& v, actors::blocking_pool& p) : views(v), pool(p) {}
  void run();
  void open(std::string sandbox_id, descriptor from);
  void watch(const door_ptr& d);
  void accept(const door_ptr& d);
  void read(const door_ptr& d, const client_ptr& c);
  void take(const door_ptr& d, const client_ptr& c);
  void answer(const door_ptr& d, const client_ptr& c, const std::string& text);
  void drop(const door_ptr& d, const client_ptr& c);
  void close(const door_ptr& d);
  std::string append(const std::string& sandbox_id, std::string_view packet) const;
  protocol::result<files::written> add(const std::string& sandbox_id,
                                       std::string_view packet) const;

  const actors::node_views& views;
  actors::blocking_pool& pool;
  const protocol::files::store_rules rules;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::set<door_ptr> doors;
  std::array<char, packet_bytes_max> packet;
  std::thread thread;
};

void store_gate::core::run() {
  ::pthread_setname_np(::pthread_self(), "store");
  io.run();
}

// -- doors ---------------------------------------------------------------------------------------

void store_gate::core::open(std::string sandbox_id, descriptor from) {
  auto d = std::make_shared<door>(io, std::move(sandbox_id));
  d->init.assign(from.get());
  from.release();
  doors.insert(d);
  watch(d);
}

/// First for the listener, then for the end.
void store_gate::core::watch(const door_ptr& d) {
  d->init.async_wait(stream_descriptor::wait_read, [this, d](error_code ec) {
    if (ec || !doors.contains(d)) return;
    auto fd = receive_listener(d->init.native_handle());
    if (!fd || d->listener.is_open()) return close(d);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    d->listener.assign(fd.get(), ec);
    if (ec) return close(d);
    fd.release();
    watch(d);
    accept(d);
  });
}

void store_gate::core::accept(const door_ptr& d) {
  d->waiting = d->clients.size() >= connections_max;
  if (d->waiting) return;
  d->listener.async_wait(stream_descriptor::wait_read, [this, d](error_code ec) {
    if (ec || !doors.contains(d)) return;
    descriptor fd(
        ::accept4(d->listener.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    auto c = std::make_shared<stream_descriptor>(io);
    if (fd) c->assign(fd.get(), ec);
    if (fd && !ec) {
      fd.release();
      d->clients.insert(c);
      read(d, c);
      return accept(d);
    }
    // It went away, or no descriptor is left.
    d->pause.expires_after(accept_again);
    d->pause.async_wait([this, d](error_code cancelled) {
      if (!cancelled && doors.contains(d)) accept(d);
    });
  });
}

void store_gate::core::drop(const door_ptr& d, const client_ptr& c) {
  error_code ignored;
  c->close(ignored);
  d->clients.erase(c);
  if (d->waiting && doors.contains(d)) accept(d);
}

void store_gate::core::close(const door_ptr& d) {
  error_code ignored;
  d->init.close(ignored);
  d->listener.close(ignored);
  d->pause.cancel();
  for (auto& c : std::exchange(d->clients, {})) c->close(ignored);
  doors.erase(d);
}

// -- records -------------------------------------------------------------------------------------

void store_gate::core::read(const door_ptr& d, const client_ptr& c) {
  c->async_wait(stream_descriptor::wait_read, [this, d, c](error_code ec) {
    if (ec || !d->clients.contains(c)) return;
    take(d, c);
  });
}

void store_gate::core::take(const door_ptr& d, const client_ptr& c) {
  auto size = ::recv(c->native_handle(), packet.data(), packet.size(), MSG_TRUNC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return read(d, c);
  if (size <= 0) return drop(d, c);
  if (static_cast<std::size_t>(size) > packet.size()) {
    auto text = "must be at most " + std::to_string(inside::store_record_bytes_max) + " bytes";
    answer(d, c,
           protocol::http::problem_json(protocol::http::invalid_fields({{"/record", text}}), {}));
    return;
  }
  auto bytes = std::string(packet.data(), static_cast<std::size_t>(size));
  // Work may outlast this: it must not keep what belongs to the `io` in here.
  pool.post(
      d->sandbox_id, [weak = weak_from_this(), sandbox_id = d->sandbox_id, at = std::weak_ptr(d),
                      to = std::weak_ptr(c), bytes = std::move(bytes)] {
        auto self = weak.lock();
        if (!self) return;
        asio::post(self->io, [self = self.get(), at, to, text = self->append(sandbox_id, bytes)] {
          auto door = at.lock();
          auto client = to.lock();
          if (door && client) self->answer(door, client, text);
        });
      });
}

void store_gate::core::answer(const door_ptr& d, const client_ptr& c, const std::string& text) {
  if (!d->clients.contains(c)) return;
  // Who does not take its answers has none.
  auto sent = ::send(c->native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return drop(d, c);
  read(d, c);
}

/// The answer's text.
std::string store_gate::core::append(const std::string& sandbox_id, std::string_view bytes) const {
  auto done = add(sandbox_id, bytes);
  if (!done) return protocol::http::problem_json(done.error(), {});
  protocol::object_writer out;
  out.number("status", std::int64_t{200});
  out.text("path", done->file.path);
  out.number("size_bytes", done->file.size_bytes);
  return out.close();
}

protocol::result<files::written> store_gate::core::add(const std::string& sandbox_id,
                                                       std::string_view bytes) const {
  using protocol::error_code;
  auto taken = protocol::files::parse_store_packet(bytes, inside::store_name_bytes_max,
                                                   inside::store_record_bytes_max);
  if (!taken) return taken.error();
  auto line = protocol::files::store_line(rules, taken->name, taken->record);
  if (!line) return line.error();
  auto sandbox = views.sandbox(sandbox_id);
  if (!sandbox || sandbox->state == protocol::sandbox_state::closing)
    return protocol::fault{error_code::wrong_state, "the sandbox is closing", {}, 0};
  auto room = views.room_bytes(sandbox->spec);
  if (room && line->size() > *room) return files::no_room(*room);
  auto in = files::root::open(sandbox->workspace, sandbox->spec.mode);
  if (!in) return in.error();
  return files::append(*in, ".store/" + std::string(taken->name), *line);
}

// -- the gate ------------------------------------------------------------------------------------

store_gate::store_gate(const actors::node_views& views, actors::blocking_pool& pool)
    : core_(std::make_shared<core>(views, pool)) {
  all_signals_blocked in_new_threads;
  core_->thread = std::thread([c = core_.get()] { c->run(); });
}

store_gate::~store_gate() {
  core_->io.stop();
  core_->thread.join();
}

protocol::result<descriptor> store_gate::connect(const std::string& sandbox_id) {
  auto channel = open_gate_channel();
  if (!channel) return channel.error();
  asio::post(core_->io, [c = core_.get(), sandbox_id,
                         fd = std::make_shared<descriptor>(std::move(channel->ours))] {
    try {
      c->open(sandbox_id, std::move(*fd));
    } catch (const std::exception& e) {  // Asio cannot watch it: this workload has no store
      spdlog::error("store_unavailable sandbox={} why=\"{}\"", sandbox_id, e.what());
    }
  });
  return std::move(channel->theirs);
}

}  // namespace gateways
