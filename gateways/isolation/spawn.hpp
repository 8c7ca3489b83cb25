// Starts a process that inherits nothing it should not: own session and process group, clean signal
// mask and dispositions, no descriptors but those that are named, no environment but what is given.
//
// Must be called from a thread that lives as long as the process may: what it starts asks to be
// killed when the thread that started it ends.
#pragma once

#include <string>
#include <vector>

#include "protocol/error.hpp"

namespace gateways {

/// `from` is ours, `to` the number it has in the process.
struct passed_descriptor {
  int from = -1;
  int to = -1;
};

struct spawn_request {
  std::string program;  ///< a path; empty: argv[0], looked up in PATH
  std::vector<std::string> argv;
  std::vector<std::string> environment;        ///< "NAME=value"
  std::string directory;                       ///< its working directory; empty: "/"
  std::vector<passed_descriptor> descriptors;  ///< `to` ascending; 0 is /dev/null when not named
};

/// The caller owns the descriptor and reaps the process.
struct spawned {
  int pid = 0;
  int pidfd = -1;  ///< becomes readable when the process ends
};

protocol::result<spawned> spawn(const spawn_request& request);

/// What a workload may see of the daemon's own environment: language and time zone. Tokens and the
/// like are not on the list, so they cannot get there.
std::vector<std::string> locale_environment();
/// The same and paths of the host, for a workload that has no file system of its own.
std::vector<std::string> host_environment();

}  // namespace gateways
