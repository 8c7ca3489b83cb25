// A snapshot of a page: its accessibility tree, through all its frames, with a ref for each
// element.
#pragma once

#include <string>

#include "actors/browser/driver.hpp"

namespace actors::browsing {

/// `bytes_max` 0: as large as one is by default.
task<std::string> take_snapshot(turn& t, std::size_t bytes_max = 0);

}  // namespace actors::browsing
