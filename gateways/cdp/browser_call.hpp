// One command to a browser, from a client that is there for it alone.
//
// Keeps itself until it is answered, and answers once, on the thread `cdp`.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "gateways/cdp/live_browser.hpp"

namespace gateways {

struct browser_reply {
  std::string result;   ///< JSON
  bool failed = false;  ///< the browser answered with an error
};

class browser_call final : public cdp_client, public std::enable_shared_from_this<browser_call> {
 public:
  using then = std::function<void(protocol::result<browser_reply>)>;

  static void make(boost::asio::io_context& io, std::shared_ptr<live_browser> to,
                   std::string_view method, std::string_view params, then answer);

  browser_call(boost::asio::io_context& io, std::shared_ptr<live_browser> to, std::string command,
               then answer);

  void opened() override;
  void refused(std::string why) override;
  void deliver(std::string text) override;
  void close(std::uint16_t code, std::string why) override;

 private:
  void start();
  void answer(protocol::result<browser_reply> with, bool still_there);

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<live_browser> browser_;
  std::string command_;
  then answer_;
  std::uint64_t who_ = 0;
};

}  // namespace gateways
