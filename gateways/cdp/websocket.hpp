// A client's WebSocket: its messages to the browser, and the browser's to it.
//
// Lives on the thread `cdp`, as long as an operation of its own is under way or the list of the
// core has it. The handshake is answered once the browser has a session for it, so that nothing
// comes before that; a target that is not there is refused in HTTP, as Chromium does.
// Invariants: messages keep their order and are not copied; one that is larger than Chromium takes
// ends the connection (1009) and reaches nobody; what waits for the client is bounded, but for one
// message; the browser is told of its end, unless it told it first.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

#include "gateways/cdp/connection.hpp"

namespace gateways {

/// Beast waits for the client's end of the connection before it says that a WebSocket is over. The
/// browser is to hear of that at once.
class cdp_stream : public boost::beast::tcp_stream {
 public:
  explicit cdp_stream(boost::beast::tcp_stream of) : basic_stream(std::move(of)) {}
};

/// Found by Beast.
template <class Handler>
void async_teardown(boost::beast::role_type, cdp_stream& stream, Handler&& done) {
  boost::system::error_code ignored;
  stream.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  boost::asio::post(
      stream.get_executor(),
      boost::beast::bind_front_handler(std::forward<Handler>(done), boost::system::error_code()));
}

class cdp_websocket final : public cdp_client,
                            public cdp_link,
                            public std::enable_shared_from_this<cdp_websocket> {
 public:
  cdp_websocket(std::shared_ptr<cdp_core> core, boost::beast::tcp_stream stream,
                cdp_request request, std::shared_ptr<live_browser> browser);

  /// `target_id` empty: the browser itself.
  void start(std::string target_id);
  void cut() override { drop(); }

  void opened() override;
  void refused(std::string why) override;
  void deliver(std::string text) override;
  void close(std::uint16_t code, std::string why) override;

 private:
  using error_code = boost::system::error_code;

  void accepted(error_code ec);
  void read();
  void read_done(error_code ec);
  void pump();
  void written(error_code ec);
  void refuse(const cdp_answer& a);
  void linger();
  void drop_after(std::chrono::seconds time);
  void drop();
  void leave();
  void end();

  std::shared_ptr<cdp_core> core_;
  boost::beast::websocket::stream<cdp_stream> socket_;
  cdp_request request_;
  std::shared_ptr<live_browser> browser_;  ///< null: it has said that nothing more comes
  std::optional<std::uint64_t> who_;
  std::string target_id_;
  boost::asio::steady_timer deadline_;
  boost::beast::flat_buffer in_;
  std::deque<std::string> out_;
  std::size_t out_bytes_ = 0;
  std::optional<boost::beast::websocket::close_reason> closing_;
  std::string refusal_;
  bool opened_ = false;
  bool accepted_ = false;
  bool writing_ = false;
  bool over_ = false;
};

}  // namespace gateways
