// Finds processes by what their environment says, and ends them.
//
// A process group catches only those who stay in it; the environment is inherited also by those who
// called setsid or lost their parent. One that empties its environment at exec escapes.
#pragma once

#include <functional>
#include <set>
#include <string>

namespace gateways {

using environment_entries = std::set<std::string, std::less<>>;

/// SIGKILL to every process whose environment has exactly one of these entries ("NAME=value"),
/// again until none is left, for at most about a second. Never this process. True: none is left.
bool kill_by_environment(const environment_entries& entries);

/// The environment entry that marks everything a daemon started, by the id kept in its data folder.
std::string instance_entry(const std::string& instance);

/// At daemon start, before any kernel is: ends the processes that an earlier daemon on the same
/// data folder left behind and empties the run folder, in either place where it may have been.
void sweep_leftovers(const std::string& data_dir, const std::string& run_dir,
                     const std::string& instance);

}  // namespace gateways
