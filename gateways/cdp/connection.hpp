// A client's connection while it speaks HTTP: asks for pages of Chromium's HTTP face, or becomes a
// WebSocket.
//
// Lives on the thread `cdp`, as long as an operation of its own is under way or the list of the
// core has it. Invariants: one request at a time; head, body and time of a request are bounded; a
// connection that was handed over makes one request and no more, since only that one was admitted.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "gateways/cdp/browser_call.hpp"
#include "gateways/cdp/cdp_access.hpp"
#include "gateways/cdp/cdp_server.hpp"
#include "gateways/cdp/face.hpp"

namespace gateways {

/// A connection as the server sees it.
class cdp_link {
 public:
  virtual ~cdp_link() = default;
  virtual void cut() = 0;
};

/// What connections share; lives as long as any of them.
struct cdp_core {
  const cdp_server_options options;
  browser_directory& browsers;
  const cdp_access access;
  std::set<std::shared_ptr<cdp_link>> links{};
  bool stopped = false;
};

/// How a connection came here.
struct cdp_way {
  std::string sandbox_id = "default";
  std::string prefix{};  ///< before each path that is asked for
  bool remote = false;
  bool admitted = false;  ///< by the HTTP gateway, for one request
};

using cdp_request = boost::beast::http::request<boost::beast::http::string_body>;

class cdp_connection final : public cdp_link, public std::enable_shared_from_this<cdp_connection> {
 public:
  cdp_connection(std::shared_ptr<cdp_core> core, boost::asio::ip::tcp::socket socket, cdp_way way);

  /// `came` was read already.
  void start(std::string_view came);
  void cut() override { end(); }
  /// 503, and its end.
  void turn_away();

 private:
  using error_code = boost::system::error_code;
  using found_browser = protocol::result<std::shared_ptr<live_browser>>;

  void read();
  void read_done(error_code ec);
  void handle(const cdp_request& r);
  bool admit(const cdp_request& r, std::string_view& target);
  bool origin_fits(const cdp_request& r);
  void serve();
  void serve_pages(const std::shared_ptr<live_browser>& browser);
  void change(const std::shared_ptr<live_browser>& browser);
  void give_protocol();
  void begin_socket(std::shared_ptr<live_browser> browser);
  void ask_browser(const std::shared_ptr<live_browser>& browser, std::string_view method,
                   std::string params, std::function<cdp_answer(const browser_reply&)> to_answer);
  void answer(const cdp_answer& a);
  void end();

  std::shared_ptr<cdp_core> core_;
  boost::beast::tcp_stream stream_;
  boost::asio::ip::tcp::endpoint peer_, here_;
  cdp_way way_;
  boost::beast::flat_buffer in_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  cdp_request request_;
  cdp_ask ask_;
  cdp_place place_;
  const protocol::cdp::token_policy* only_ = nullptr;  ///< of the core
  std::string out_;
  bool upgrade_ = false;
  bool kept_ = false;  ///< it has had an answer
  bool last_ = false;  ///< and gets no more
  bool over_ = false;
};

}  // namespace gateways
