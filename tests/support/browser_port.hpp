// The port of a browser that never starts, for sandboxes whose browser nobody uses.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "actors/env.hpp"

namespace tests {

struct idle_browser_port : actors::browser_port {
  void start(actors::browser_start) override {}
  void send(std::string) override {}
  void serve() override {}
  void stop() override {}
  void kill() override {}
  void refuse(protocol::fault) override {}
};

inline std::unique_ptr<actors::browser_port> no_browser(
    const std::string&, const std::shared_ptr<actors::browser_sink>&) {
  return std::make_unique<idle_browser_port>();
}

}  // namespace tests
