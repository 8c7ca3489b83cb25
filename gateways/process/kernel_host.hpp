// Runs every kernel process of a node, and the links to them, on one thread of its own.
//
// Made by main, outlives all actors. Hands out ports (`actors::kernel_port`), one a kernel actor.
// The thread lives as long as the host: kernels die with the thread that started them, which makes
// the death of the daemon, of whatever kind, the death of its kernels. A port's sink is not called
// any more once the port's destructor has returned.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/env.hpp"
#include "config/config.hpp"
#include "gateways/isolation/gate.hpp"

namespace gateways {

class launcher;

struct kernel_host_options {
  std::string data_dir;  ///< absolute
  std::string instance;  ///< a random id kept in the data folder; marks what this daemon started
  gates ways{};          ///< out of sandboxes
};

class kernel_host {
 public:
  /// Throws std::runtime_error when there is no run folder that only we can enter.
  kernel_host(const config::kernel_options& kernel, kernel_host_options options, launcher& launch);
  /// Kills what is left with all descendants, removes its files, ends the thread.
  ~kernel_host();

  std::unique_ptr<actors::kernel_port> make_port(std::shared_ptr<actors::kernel_sink> sink);
  std::string run_dir() const;
  /// Messages that were dropped because their signature or shape was wrong.
  std::uint64_t malformed_messages() const;

 private:
  struct core;
  class port;
  std::shared_ptr<core> core_;
};

}  // namespace gateways
