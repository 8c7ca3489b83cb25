// Between a WebSocket and a browser: the WebSocket takes it for a browser that has one page and
// speaks of frames, the browser for a client of that page.
//
// Of one connection. Lives on the thread `cdp`, as long as one of the two has it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "gateways/cdp/live_browser.hpp"
#include "protocol/cdp/screencast.hpp"

namespace gateways {

class screencast_client final : public live_browser,
                                public cdp_client,
                                public std::enable_shared_from_this<screencast_client> {
 public:
  screencast_client(boost::asio::io_context& io, std::shared_ptr<live_browser> browser,
                    protocol::cdp::screencast_options options)
      : io_(io), browser_(std::move(browser)), cast_(std::move(options)) {}

  // For the WebSocket.
  const browser_version& version() const override { return browser_->version(); }
  const std::string& id() const override { return browser_->id(); }
  std::uint64_t connect(std::string target_id, std::shared_ptr<cdp_client> viewer) override;
  void received(std::uint64_t from, std::string_view text) override;
  void gone(std::uint64_t who) override;

  // For the browser.
  void opened() override;
  void refused(std::string why) override;
  void deliver(std::string text) override;
  void close(std::uint16_t code, std::string why) override;

 private:
  boost::asio::io_context& io_;
  const std::shared_ptr<live_browser> browser_;
  std::shared_ptr<cdp_client> viewer_;  ///< null: it has gone, or was told of the end
  std::uint64_t who_ = 0;
  protocol::cdp::screencast cast_;
};

}  // namespace gateways
