#include "gateways/http/server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <thread>
#include <unordered_map>

#include "actors/run_here.hpp"
#include "gateways/http/session.hpp"
#include "gateways/listen.hpp"
#include "protocol/http/problem.hpp"

namespace gateways {
namespace http {

using tcp = asio::ip::tcp;
/// The executor's type is named, so that each operation is spared a virtual call or two.
using tcp_stream = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;

template <>
struct stream_ending<tcp_stream> {
  static void shut(tcp_stream& s) {
    boost::system::error_code ignored;
    s.shutdown(tcp_stream::shutdown_send, ignored);
  }
  static void close(tcp_stream& s) {
    boost::system::error_code ignored;
    s.close(ignored);
  }
  static int release(tcp_stream& s) {
    boost::system::error_code ec;
    auto fd = s.release(ec);
    return ec ? -1 : fd;
  }
};

}  // namespace http

namespace {

using namespace http;

/// Lets sinks reach the server's thread as long as there is one.
class post_office {
 public:
  explicit post_office(asio::io_context& to) : to_(&to) {}

  void post(std::function<void()> work) {
    std::lock_guard lock(mutex_);
    if (to_) asio::post(*to_, std::move(work));
  }
  void close() {
    std::lock_guard lock(mutex_);
    to_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* to_;
};

}  // namespace

class http_server::impl {
 public:
  impl(http_server_options options, actors::node_views& views, client_port& port, file_pools pools)
      : options_(std::move(options)),
        front_(options_, views),
        office_(std::make_shared<post_office>(context_)),
        host_{front_, port,
              [office = office_](std::function<void()> f) { office->post(std::move(f)); },
              [this](connection& c) { forget(c); }, pools} {
    listen();
    accept();
    arm_ticks();
    thread_ = std::thread([this] { run(); });
  }

  ~impl() {
    office_->close();
    context_.stop();
    thread_.join();
    // Sessions hold themselves through their operations; both go here, on a quiet context.
    auto last = std::move(sessions_);
    for (auto& [key, session] : last) session->cut();
  }

  std::uint16_t port() const { return local_.port(); }
  std::string address() const { return text_of(local_); }

  void drain(std::chrono::milliseconds at_most) {
    asio::post(context_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      host_.draining = true;
      for (auto& session : all()) session->drain();
      std::lock_guard lock(mutex_);
      draining_ = true;
      quiet_.notify_all();
    });
    std::unique_lock lock(mutex_);
    quiet_.wait_for(lock, at_most, [this] { return draining_ && open_ == 0; });
  }

 private:
  using session_type = session<tcp_stream>;

  void run() {
    ::pthread_setname_np(::pthread_self(), "http");
    actors::run_here actors([this](auto f) { asio::post(context_, std::move(f)); });
    for (;;) {
      try {
        context_.run();
        return;
      } catch (const std::exception& e) {
        // One client's request must not end the others; what it was is a bug to be reported.
        spdlog::error("http_failed what=\"{}\"", e.what());
      }
    }
  }

  void listen() {
    auto at = parse_listen("http.listen", options_.http.listen);
    boost::system::error_code ec;
    auto check = [&](const char* what) {
      if (ec) throw std::system_error(ec, "http.listen " + options_.http.listen + ": " + what);
    };
    acceptor_.open(at.protocol(), ec);
    check("cannot open a socket");
    fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
    acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
    check("cannot set up the socket");
    acceptor_.bind(at, ec);
    check("cannot bind");
    acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    check("cannot listen");
    local_ = acceptor_.local_endpoint();
    front_.gate().listen_address(text_of(local_));
  }

  void accept() {
    acceptor_.async_accept(context_.get_executor(),
                           [this](boost::system::error_code ec, tcp_stream socket) {
                             if (!acceptor_.is_open()) return;
                             if (ec) return accept_later();
                             admit(std::move(socket));
                             accept();
                           });
  }

  /// Out of descriptors, most likely: asking again at once would spin.
  void accept_later() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](boost::system::error_code ec) {
      if (!ec && acceptor_.is_open()) accept();
    });
  }

  /// Nothing is congested within the machine, and some algorithms set timers for each answer to
  /// find that out (bbr paces). `reno` does not, is in every kernel, and is open to every user.
  static void spare_congestion_control(int socket) {
    constexpr std::string_view name = "reno";
    ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), name.size());
  }

  void admit(tcp_stream socket) {
    boost::system::error_code ec;
    fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    socket.set_option(tcp::no_delay(true), ec);
    auto from = socket.remote_endpoint(ec);
    if (ec) return;  // gone already
    if (from.address().is_loopback()) spare_congestion_control(socket.native_handle());
    auto to = socket.local_endpoint(ec);
    if (ec) return;
    if (sessions_.size() >= options_.http.connections_max) return turn_away(socket);
    auto made = std::make_shared<session_type>(
        std::move(socket), peer{from.address().to_string(), to.address().to_string()}, host_);
    sessions_.emplace(made.get(), made);
    count_sessions();
    made->start();
  }

  void turn_away(tcp_stream& socket) {
    ++front_.stats().connections_refused;
    request nobody;
    nobody.head.version = 11;
    auto a = front_.refuse(
        nobody,
        {protocol::error_code::unavailable, "http.connections_max connections are open", {}, 1});
    std::string out;
    front_.render().append_head(out, {.status = a.status,
                                      .type = a.type,
                                      .request_id = nobody.id,
                                      .lines = {},
                                      .more_lines = a.lines,
                                      .length = a.body.size(),
                                      .keep = false});
    out.append(a.body.view());
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(out), ignored);
    stream_ending<tcp_stream>::shut(socket);
  }

  /// A copy: what is done to a session may end it.
  std::vector<std::shared_ptr<connection>> all() const {
    std::vector<std::shared_ptr<connection>> out;
    out.reserve(sessions_.size());
    for (const auto& [key, session] : sessions_) out.push_back(session);
    return out;
  }

  void arm_ticks() {
    ticks_.expires_after(std::chrono::milliseconds(tick_ms));
    ticks_.async_wait([this](boost::system::error_code ec) {
      if (ec) return;
      auto now = std::chrono::steady_clock::now();
      for (auto& session : all()) session->tick(now);
      ticking_ = !sessions_.empty();
      if (ticking_) arm_ticks();
    });
  }

  void forget(connection& c) {
    sessions_.erase(&c);
    count_sessions();
  }

  void count_sessions() {
    front_.stats().connections = sessions_.size();
    if (!ticking_ && !sessions_.empty()) {
      ticking_ = true;
      arm_ticks();
    }
    std::lock_guard lock(mutex_);
    open_ = sessions_.size();
    quiet_.notify_all();
  }

  static constexpr int tick_ms = 100;

  const http_server_options options_;
  asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // sockets are of one thread
  dispatcher front_;
  std::shared_ptr<post_office> office_;
  session_host host_;
  asio::basic_socket_acceptor<tcp, asio::io_context::executor_type> acceptor_{context_};
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>,
                             asio::io_context::executor_type>
      ticks_{context_}, retry_{context_};
  tcp::endpoint local_;
  std::unordered_map<connection*, std::shared_ptr<connection>> sessions_;
  bool ticking_ = true;
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::size_t open_ = 0;  ///< sessions, for `drain`
  bool draining_ = false;
  std::thread thread_;
};

http_server::http_server(http_server_options options, actors::node_views& views, client_port& port,
                         file_pools pools)
    : impl_(std::make_unique<impl>(std::move(options), views, port, pools)) {}

http_server::~http_server() = default;

std::uint16_t http_server::port() const {
  return impl_->port();
}

std::string http_server::address() const {
  return impl_->address();
}

void http_server::drain(std::chrono::milliseconds at_most) {
  impl_->drain(at_most);
}

}  // namespace gateways
