// Runs the processes of all commands of a node, on one thread of its own: a command that prints
// without end takes nothing from the links to kernels.
//
// Made by main, outlives all actors. Hands out ports (`actors::command_port`), one a command. The
// thread lives as long as the host: commands die with the thread that started them. A port's sink
// is not called any more once the port's destructor has returned.
#pragma once

#include <memory>
#include <string>

#include "actors/env.hpp"
#include "gateways/isolation/gate.hpp"

namespace gateways {

class launcher;

struct command_host_options {
  std::string python;    ///< of kernels; commands see it as well
  std::string instance;  ///< a random id kept in the data folder; marks what this daemon started
  gates ways{};          ///< out of sandboxes
};

class command_host {
 public:
  command_host(command_host_options options, launcher& launch);
  /// Kills what is left with all descendants, ends the thread.
  ~command_host();

  std::unique_ptr<actors::command_port> make_port(std::shared_ptr<actors::command_sink> sink);

 private:
  struct core;
  class port;
  std::shared_ptr<core> core_;
};

}  // namespace gateways
