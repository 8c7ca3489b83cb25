// Runs the browsers of a node, on one thread of its own, named `cdp`; clients of the Chrome
// DevTools Protocol are served there too, so that bytes go between them without an actor.
//
// Made by main, outlives all actors and listeners. Hands out ports (`actors::browser_port`), one a
// sandbox. The thread lives as long as the host: browsers die with the thread that started them. A
// port's sink is not called any more once the port's destructor has returned.
#pragma once

#include <memory>
#include <string>

#include "actors/env.hpp"
#include "gateways/cdp/live_browser.hpp"
#include "gateways/isolation/gate.hpp"

namespace gateways {

class launcher;

struct browser_host_place {
  std::string data_dir;    ///< what it knows of versions of Chromium is in `cdp/` there
  std::string instance;    ///< a random id kept in there; marks what this daemon started
  gate* egress = nullptr;  ///< null: browsers reach no other host
};

class browser_host : public browser_directory {
 public:
  browser_host(const config::browser_options& options, browser_host_place at, launcher& launch);
  /// Kills what is left, ends the thread.
  ~browser_host() override;

  std::unique_ptr<actors::browser_port> make_port(std::string sandbox_id,
                                                  std::shared_ptr<actors::browser_sink> sink);

  void find(const std::string& sandbox_id, finder then) override;
  void describe(const std::string& sandbox_id,
                std::function<void(protocol::result<std::string>)> then) override;
  boost::asio::io_context& io() override;

 private:
  struct core;
  class port;
  std::shared_ptr<core> core_;
};

}  // namespace gateways
