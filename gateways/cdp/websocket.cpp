#include "gateways/cdp/websocket.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <utility>

#include "protocol/cdp/message.hpp"
#include "protocol/text.hpp"

namespace gateways {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr auto open_max = std::chrono::seconds(10);
constexpr auto handshake_max = std::chrono::seconds(10);
constexpr auto last_words_max = std::chrono::seconds(10);
constexpr std::size_t kept_bytes = 1 << 20;
constexpr std::size_t discarded_bytes = 64 << 10;
constexpr std::size_t reason_bytes_max = 120;  // RFC 6455, 5.5

}  // namespace

cdp_websocket::cdp_websocket(std::shared_ptr<cdp_core> core, beast::tcp_stream stream,
                             cdp_request request, std::shared_ptr<live_browser> browser)
    : core_(std::move(core)),
      socket_(cdp_stream(std::move(stream))),
      request_(std::move(request)),
      browser_(std::move(browser)),
      deadline_(core_->browsers.io()) {}

void cdp_websocket::start(std::string target_id) {
  target_id_ = target_id;
  drop_after(open_max);
  auto browser = browser_;
  who_ = browser->connect(std::move(target_id), shared_from_this());
  if (over_) leave();
}

void cdp_websocket::opened() {
  if (over_ || closing_) return;
  opened_ = true;
  deadline_.cancel();
  beast::get_lowest_layer(socket_).expires_never();
  // How long a client is silent is its own affair.
  socket_.set_option(
      websocket::stream_base::timeout{handshake_max, websocket::stream_base::none(), false});
  socket_.set_option(websocket::stream_base::decorator(
      [](websocket::response_type& r) { r.reason("WebSocket Protocol Handshake"); }));
  socket_.read_message_max(protocol::cdp::frame_bytes_max);
  socket_.auto_fragment(false);
  socket_.text(true);
  socket_.async_accept(request_,
                       [self = shared_from_this()](error_code ec) { self->accepted(ec); });
}

void cdp_websocket::accepted(error_code ec) {
  if (over_) return;
  if (ec) return drop();
  accepted_ = true;
  request_ = {};
  read();
  pump();
}

void cdp_websocket::refused(std::string why) {
  asio::post(core_->browsers.io(), [gone = std::exchange(browser_, {})] {});
  if (target_id_.empty()) return refuse(html_answer(503, std::move(why)));
  refuse(html_answer(500, "No such target id: " + target_id_));
}

void cdp_websocket::refuse(const cdp_answer& a) {
  if (over_) return;
  refusal_ = answer_text(a, true, true);
  drop_after(last_words_max);
  beast::get_lowest_layer(socket_).expires_never();
  asio::async_write(socket_.next_layer(), asio::buffer(refusal_),
                    [self = shared_from_this()](error_code, std::size_t) { self->end(); });
}

void cdp_websocket::read() {
  socket_.async_read(
      in_, [self = shared_from_this()](error_code ec, std::size_t) { self->read_done(ec); });
}

void cdp_websocket::read_done(error_code ec) {
  if (over_ || closing_) return;
  if (ec) {
    leave();
    drop_after(last_words_max);
    return linger();
  }
  if (!socket_.got_text()) return drop();
  auto text = in_.cdata();
  browser_->received(*who_, {static_cast<const char*>(text.data()), text.size()});
  in_.consume(in_.size());
  if (in_.capacity() > kept_bytes) in_.shrink_to_fit();
  if (!over_ && !closing_) read();
}

void cdp_websocket::deliver(std::string text) {
  if (over_ || closing_) return;
  if (!out_.empty() && out_bytes_ + text.size() > core_->options.cdp.queue_bytes_max) {
    spdlog::warn("cdp_client_cut reason=slow queued_bytes={}", out_bytes_);
    return drop();
  }
  out_bytes_ += text.size();
  out_.push_back(std::move(text));
  pump();
}

void cdp_websocket::pump() {
  if (!accepted_ || writing_ || over_) return;
  if (!out_.empty()) {
    writing_ = true;
    return socket_.async_write(
        asio::buffer(out_.front()),
        [self = shared_from_this()](error_code ec, std::size_t) { self->written(ec); });
  }
  if (!closing_) return;
  writing_ = true;
  socket_.async_close(*closing_, [self = shared_from_this()](error_code) { self->end(); });
}

void cdp_websocket::written(error_code ec) {
  writing_ = false;
  if (over_) return;
  if (ec) return drop();
  out_bytes_ -= out_.front().size();
  out_.pop_front();
  pump();
}

void cdp_websocket::close(std::uint16_t code, std::string why) {
  asio::post(core_->browsers.io(), [gone = std::exchange(browser_, {})] {});
  if (over_ || closing_) return;
  if (!opened_) return refuse(html_answer(503, std::move(why)));
  why.resize(protocol::utf8_cut(why, reason_bytes_max));
  closing_.emplace(static_cast<websocket::close_code>(code), why);
  drop_after(last_words_max);
  pump();
}

/// What was written may be lost when there are bytes of the client that nobody has read.
void cdp_websocket::linger() {
  in_.clear();
  socket_.next_layer().async_read_some(in_.prepare(discarded_bytes),
                                       [self = shared_from_this()](error_code ec, std::size_t) {
                                         if (self->over_) return;
                                         ec ? self->end() : self->linger();
                                       });
}

void cdp_websocket::drop_after(std::chrono::seconds time) {
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec) self->drop();
  });
}

/// Without a word.
void cdp_websocket::drop() {
  leave();
  end();
}

/// The browser may be in the midst of a call, and its number for this one not known yet.
void cdp_websocket::leave() {
  if (!browser_ || !who_) return;
  asio::post(core_->browsers.io(),
             [browser = std::exchange(browser_, {}), who = *who_] { browser->gone(who); });
}

void cdp_websocket::end() {
  if (std::exchange(over_, true)) return;
  deadline_.cancel();
  auto& tcp = beast::get_lowest_layer(socket_);
  error_code ignored;
  tcp.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  tcp.close();
  core_->links.erase(shared_from_this());
}

}  // namespace gateways
