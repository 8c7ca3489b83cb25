// The HTTP gateway: listens on one address and translates requests into calls on the client port.
//
// Owned by main, which keeps `views` and `port` alive for longer. One thread of its own runs all
// sessions; control routes are answered there from published views, without asking an actor.
// Invariant: after the destructor no sink calls back and no thread is left.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/env.hpp"
#include "actors/views.hpp"
#include "config/config.hpp"
#include "gateways/client_port.hpp"

namespace gateways {

struct http_server_options {
  config::http_options http;
  bool insecure = false;
  std::string token;
  std::string version;  ///< of the product: "0.1.0"
  config::kernel_options kernel;
  config::sandbox_options sandbox;
  config::limit_options limits;
  std::string cdp_url;  ///< of the browser of the sandbox `default`; empty: there is none
  /// Takes a connection whose request is for the browser of a sandbox: its socket, which is its
  /// own from here on, and the bytes that came, of which the path begins with `prefix`. Called on
  /// the server's thread. Empty: there is no browser.
  std::function<void(int fd, std::string bytes, std::string sandbox_id, std::string prefix)>
      hand_to_cdp{};
};

/// Where work on files runs: pieces of bytes, and what may take seconds. Each piece is short, so
/// that one large file does not keep the others waiting. They outlive the server.
struct file_pools {
  actors::blocking_pool* quick = nullptr;
  actors::blocking_pool* slow = nullptr;
  std::shared_ptr<std::atomic<std::size_t>> slow_work =
      std::make_shared<std::atomic<std::size_t>>(0);  ///< on `slow`, waiting or running
  /// Set when the daemon ends: what waits is not begun, what runs ends soon.
  std::shared_ptr<std::atomic<bool>> stopping = std::make_shared<std::atomic<bool>>(false);
};

class http_server {
 public:
  /// Binds and listens; throws std::system_error with a text that names the address.
  http_server(http_server_options options, actors::node_views& views, client_port& port,
              file_pools pools);
  /// Stops listening, cuts what is left, joins its thread.
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  std::uint16_t port() const;
  std::string address() const;  ///< "127.0.0.1:41233"

  /// No new connections; waits, at most so long, until sessions have written their final answers.
  /// Endless streams are ended.
  void drain(std::chrono::milliseconds at_most);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gateways
