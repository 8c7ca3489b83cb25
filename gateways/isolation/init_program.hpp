// The program `gateways/inside/init.cpp` as bytes, compiled into this one, so that it is found
// wherever that is installed.
#pragma once

#include <string_view>

namespace gateways {

std::string_view init_program() noexcept;

}  // namespace gateways
