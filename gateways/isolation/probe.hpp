// Tries out, at start, what a machine offers to workloads.
//
// Called by the launcher on the thread that makes it; each takes some milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateways/isolation/launcher.hpp"

namespace gateways {

/// Starts a workload at the launcher's level. Empty: it ended with 0; or why not.
std::string probe(const launcher& with, const box& in, std::vector<std::string> argv);

/// What to do about a failure that bubblewrap tells.
std::string remedy_of(const std::string& failure);

/// Whether these users exist in this user namespace (user_namespaces(7), uid_map).
bool users_mapped(std::uint64_t first, std::uint64_t count);

}  // namespace gateways
