// The text of kernel_launcher.py, which every kernel process is started from.
// Compiled into the program, so that it is found wherever the program is installed.
#pragma once

#include <string_view>

namespace gateways {

extern const std::string_view kernel_launcher_source;

}  // namespace gateways
