// The command line of bubblewrap for a containment: pure text, so that tests read it.
//
// Mounts are made in the order given, so what comes later lies on top. Folders of the host are
// passed as descriptors that were opened without following links: what was looked at is what is
// mounted. bubblewrap(1), version 0.8.0-2+deb12u1 or newer.
#pragma once

#include <string>
#include <vector>

#include "gateways/isolation/containment.hpp"

namespace gateways {

/// Numbers of descriptors as bubblewrap finds them.
struct bubblewrap_descriptors {
  int status = -1;         ///< it writes the number of the first process inside
  int filter = -1;         ///< the system call filter
  int init = -1;           ///< the init's program
  int passwd = -1;         ///< the text of /etc/passwd
  int workspace = -1;      ///< its folder; those of `zones` follow, in their order
  int own_folder = -1;     ///< -1: it has none
  int store_helper = -1;   ///< the text of troupe_store.py; -1: there is no store
  std::vector<int> files;  ///< the content of each of `containment::files`
};

/// Everything but the program's name and the command behind "--". `environment` is the workload's
/// whole one; `readable_paths` are more of the host's folders that it may read.
std::vector<std::string> bubblewrap_arguments(const containment& c,
                                              const std::vector<std::string>& environment,
                                              const bubblewrap_descriptors& fds,
                                              const std::vector<std::string>& readable_paths);

/// By which the command and the module that add to the store are found.
std::vector<std::string> store_environment();

/// A line of /etc/passwd for the user inside.
std::string passwd_text(unsigned uid);

}  // namespace gateways
