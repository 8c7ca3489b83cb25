// The CDP listener: what looks like Chromium's own --remote-debugging-port to Playwright, Puppeteer
// and their like, before browsers that have none.
//
// Owned by main; the directory outlives it. All connections are of the directory's thread, which
// runs until this is gone; the members here may be called from any other. On `cdp.listen` and
// `cdp.remote_listen` the sandbox `default` is found; connections to others come by `adopt`.
// Bounds: `cdp.connections_max`, one more is told so; `cdp.queue_bytes_max` for each client.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "gateways/cdp/live_browser.hpp"

namespace gateways {

struct cdp_server_options {
  config::cdp_options cdp;
  bool insecure = false;
  std::string token;
};

/// A connection that the HTTP gateway admitted: for whose browser, and what stands before the path.
struct adopted {
  std::string sandbox_id;
  std::string path_prefix;
};

struct cdp_core;

class cdp_server {
 public:
  /// Binds, so that clients may come; throws std::system_error with a text that names the address,
  /// or the user of `cdp.trust_users` that is not known.
  cdp_server(cdp_server_options options, browser_directory& browsers);
  /// As `shut`.
  ~cdp_server();
  cdp_server(const cdp_server&) = delete;
  cdp_server& operator=(const cdp_server&) = delete;

  /// Lets them in; after `shut` at the same addresses again, or throws as the constructor does.
  void open();
  /// Stops listening, and cuts what is left.
  void shut();

  std::string address() const;         ///< "127.0.0.1:9222"
  std::string remote_address() const;  ///< empty: there is none

  /// Takes a socket, and what was read from it: a whole request, at least its head.
  void adopt(int fd, std::string already_read_bytes, adopted of);

 private:
  struct door;
  void at_home(const std::function<void()>& work);

  std::shared_ptr<cdp_core> core_;
  std::shared_ptr<door> local_, remote_;
};

}  // namespace gateways
