// Where the CDP listener finds browsers, and what it does with one. All on the thread `cdp`.
//
// Invariant: once a browser's generation is over, each of its clients has been closed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace gateways {

/// A connection's end towards a browser. May be called from within a call that it made itself.
class cdp_client {
 public:
  virtual ~cdp_client() = default;
  /// Its session is there.
  virtual void opened() = 0;
  /// There is no such target; nothing more comes.
  virtual void refused(std::string why) = 0;
  virtual void deliver(std::string text) = 0;
  /// A code of RFC 6455, section 7.4: 1000, or 1012 when the browser starts again. Nothing more
  /// comes.
  virtual void close(std::uint16_t code, std::string why) = 0;
};

/// What `Browser.getVersion` answers.
struct browser_version {
  std::string product;           ///< "Chrome/156.0.8078.79"
  std::string protocol_version;  ///< "1.3"
  std::string user_agent;
  std::string js_version;
  std::string revision;
};

/// One generation of one sandbox's browser while it runs.
class live_browser {
 public:
  virtual ~live_browser() = default;
  virtual const browser_version& version() const = 0;
  /// Names its endpoint, /devtools/browser/ID; another one each generation.
  virtual const std::string& id() const = 0;
  /// On a page, or with an empty `target_id` on the browser; answered by `opened` or `refused`.
  virtual std::uint64_t connect(std::string target_id, std::shared_ptr<cdp_client> who) = 0;
  virtual void received(std::uint64_t from, std::string_view text) = 0;
  virtual void gone(std::uint64_t who) = 0;
};

class browser_directory {
 public:
  using finder = std::function<void(protocol::result<std::shared_ptr<live_browser>>)>;
  virtual ~browser_directory() = default;
  /// Starts it when it does not run and may be started; `then` is called once, also at once.
  virtual void find(const std::string& sandbox_id, finder then) = 0;
  virtual boost::asio::io_context& io() = 0;
};

}  // namespace gateways
