// One connection of a workload to the proxy: its request, the way to the host, and the bytes both
// ways. Lives on the proxy's thread, held by its own pending operations.
//
// Order: head read, name judged, resolved elsewhere, addresses judged, connected to one that was
// allowed, head sent on, bytes pumped until both sides have ended. The first three quarters share
// `setup_timeout_ms`. Invariants: at most one buffer a direction; after a plain request's body
// nothing more of the client goes to the host; `over` is called once; bytes are counted before they
// are sent on, and those beyond what the sandbox may move are not.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/views.hpp"
#include "config/config.hpp"
#include "gateways/egress/resolve.hpp"
#include "protocol/egress/policy.hpp"
#include "protocol/egress/request.hpp"

namespace gateways {

/// What a connection needs of the proxy; outlives every connection.
struct egress_surroundings {
  boost::asio::io_context& io;
  const config::egress_options& options;
  const protocol::egress::policy& rules;
  actors::node_counters& counters;
  std::string bytes_rule;  ///< what refuses once bytes_max is used up
};

/// What it needs of the sandbox it belongs to.
struct egress_client {
  std::shared_ptr<actors::egress_use> use;
  std::function<void(const protocol::egress::target&, const std::string& rule)> refused;
  /// False: too many of the sandbox wait already. Else `then` comes on the proxy's thread.
  std::function<bool(std::string host, std::function<void(resolved_host)> then)> resolve;
  /// It has moved too much: all its connections that move bytes are to be cut.
  std::function<void()> cut;
  std::function<void()> over;
};

class egress_connection : public std::enable_shared_from_this<egress_connection> {
 public:
  using tcp = boost::asio::ip::tcp;

  egress_connection(egress_surroundings& around, tcp::socket client, egress_client of);
  ~egress_connection();
  egress_connection(const egress_connection&) = delete;
  egress_connection& operator=(const egress_connection&) = delete;

  void start();
  void close();
  /// Unless it is still on its way to the host.
  void cut();

 private:
  using clock = std::chrono::steady_clock;
  /// One direction.
  struct flow {
    tcp::socket& from;
    tcp::socket& to;
    std::array<char, 32 << 10> bytes{};
    std::uint64_t left = ~std::uint64_t{0};  ///< bytes that may still go
    bool ended = false;
  };

  void read_head();
  void take_head(std::size_t size);
  void refuse(const std::string& rule);
  void answer(int status, const std::string& why, const std::string& rule = {});
  void linger();
  void resolved(const resolved_host& found);
  void connect_next(const std::string& why);
  void connected();
  void begin_pumping();
  void send_first(flow& f, std::string bytes);
  void pump(flow& f);
  void end(flow& f);
  void drain_client();
  void watch_setup();
  void watch_pumping();
  bool may_move(std::uint64_t bytes);
  bool moved(std::uint64_t bytes);

  egress_surroundings& around_;
  egress_client of_;
  tcp::socket client_, host_;
  boost::asio::steady_timer timer_;
  const clock::time_point began_ = clock::now();
  clock::time_point moved_at_ = began_;
  std::string head_;  ///< and what came with it
  protocol::egress::request request_;
  std::vector<config::ip_address> addresses_;  ///< allowed and not tried yet, the next one last
  std::unique_ptr<flow> out_, in_;
  std::array<char, 2'048> discarded_{};
  bool whole_head_ = false;
  bool answered_ = false;
  bool closed_ = false;
};

}  // namespace gateways
