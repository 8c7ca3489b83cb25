// A sandbox's browser as the listener sees it, and as the host of browsers gives it: two interfaces
// towards the browser, one towards its clients.
//
// All of it is of one thread, `cdp`, whose io_context the directory has. Each side may call the
// other back from within a call of the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace boost::asio {
class io_context;
}

namespace gateways {

/// A connection's end towards a browser.
class cdp_client {
 public:
  virtual ~cdp_client() = default;
  /// Its session is there.
  virtual void opened() = 0;
  /// There is no such target; nothing more comes.
  virtual void refused(std::string why) = 0;
  virtual void deliver(std::string text) = 0;
  /// A code of RFC 6455: 1000, or 1012 when the browser starts again; nothing more comes.
  virtual void close(std::uint16_t code, std::string why) = 0;
};

struct browser_version {
  std::string product, protocol_version, user_agent, js_version, revision;
};

/// One generation of one sandbox's browser while it runs.
class live_browser {
 public:
  virtual ~live_browser() = default;
  virtual const browser_version& version() const = 0;
  /// Names its endpoint, /devtools/browser/ID; another one each generation.
  virtual const std::string& id() const = 0;
  /// `target_id` empty: the browser itself. Answered by `opened` or `refused`.
  virtual std::uint64_t connect(std::string target_id, std::shared_ptr<cdp_client> who) = 0;
  virtual void received(std::uint64_t from, std::string_view text) = 0;
  virtual void gone(std::uint64_t who) = 0;
};

/// Where the listener finds browsers, and the thread `cdp` that all of this runs on.
class browser_directory {
 public:
  using finder = std::function<void(protocol::result<std::shared_ptr<live_browser>>)>;
  virtual ~browser_directory() = default;
  /// Starts it when it does not run and may be started; `then` is called once, on the thread `cdp`,
  /// also at once.
  virtual void find(const std::string& sandbox_id, finder then) = 0;
  /// The description of the protocol, as Chromium's own port has it. `then` as in `find`.
  virtual void describe(const std::string& sandbox_id,
                        std::function<void(protocol::result<std::string>)> then) = 0;
  virtual boost::asio::io_context& io() = 0;
};

}  // namespace gateways
