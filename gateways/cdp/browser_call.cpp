#include "gateways/cdp/browser_call.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "protocol/cdp/message.hpp"
#include "protocol/json.hpp"

namespace gateways {
namespace {

namespace asio = boost::asio;

constexpr auto answer_max = std::chrono::seconds(10);
constexpr std::int64_t only_id = 1;

protocol::fault lost(protocol::error_code code, std::string detail) {
  return {code, std::move(detail), {}, 0};
}

}  // namespace

browser_call::browser_call(asio::io_context& io, std::shared_ptr<live_browser> to,
                           std::string command, then answer)
    : io_(io),
      timer_(io),
      browser_(std::move(to)),
      command_(std::move(command)),
      answer_(std::move(answer)) {}

void browser_call::make(asio::io_context& io, std::shared_ptr<live_browser> to,
                        std::string_view method, std::string_view params, then answer) {
  auto text = protocol::cdp::command_text(only_id, protocol::json_string(method), params, {});
  std::make_shared<browser_call>(io, std::move(to), std::move(text), std::move(answer))->start();
}

void browser_call::start() {
  timer_.expires_after(answer_max);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
    if (!ec)
      self->answer(lost(protocol::error_code::timed_out, "the browser does not answer"), true);
  });
  auto browser = browser_;
  who_ = browser->connect({}, shared_from_this());
}

// The number of this client may not be known yet, and the browser is in the midst of something.
void browser_call::opened() {
  asio::post(io_, [self = shared_from_this()] {
    if (auto browser = self->browser_) browser->received(self->who_, self->command_);
  });
}

void browser_call::refused(std::string why) {
  answer(lost(protocol::error_code::unavailable, std::move(why)), false);
}

void browser_call::deliver(std::string text) {
  auto m = protocol::cdp::read_message(text);
  if (protocol::json_integer(m.id, 0) != only_id) return;
  answer(browser_reply{std::string(m.result), !m.error.empty()}, true);
}

void browser_call::close(std::uint16_t, std::string why) {
  answer(lost(protocol::error_code::unavailable, std::move(why)), false);
}

void browser_call::answer(protocol::result<browser_reply> with, bool still_there) {
  if (!answer_) return;
  timer_.cancel();
  asio::post(io_, [self = shared_from_this(), then = std::exchange(answer_, {}),
                   with = std::move(with), still_there] {
    if (auto browser = std::exchange(self->browser_, {}); browser && still_there)
      browser->gone(self->who_);
    then(with);
  });
}

}  // namespace gateways
