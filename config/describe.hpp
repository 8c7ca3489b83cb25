// Texts that the table of options generates: effective settings, the sample file, the docs page.
//
// The checked-in config/troupe.toml.example and docs/config.md are compared with these by a test.
#pragma once

#include <string>

#include "config/load.hpp"
#include "config/options.hpp"

namespace config {

/// Effective values as TOML that can be loaded again, each with its origin in a comment.
std::string print_config(const loaded& effective);

/// All options with their defaults, commented out.
std::string sample_file();

/// docs/config.md.
std::string reference_page();

/// "Executions that wait in one kernel; beyond: 429. [0 .. 100000, default 64]"
std::string flag_help(const option& row);

}  // namespace config
