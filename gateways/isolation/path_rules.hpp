// Which paths a workload may open where it has no file system of its own: Landlock's rules.
#pragma once

#include <string>
#include <vector>

#include "gateways/isolation/containment.hpp"

namespace gateways {

/// Words of the init's command line. A rule holds for all below its path and cannot be taken back
/// there, so where the workspace itself is writable, so are the zones that should not be.
std::vector<std::string> path_rules(const containment& c,
                                    const std::vector<std::string>& readable_paths);

/// The environment without what speaks of folders that cannot be opened; the home is `home`.
std::vector<std::string> with_home(std::vector<std::string> environment, const std::string& home);

}  // namespace gateways
