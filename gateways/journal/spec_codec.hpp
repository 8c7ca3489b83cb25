// The journal's form of a sandbox's specification: one JSON object that keeps every field.
#pragma once

#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/sandbox.hpp"

namespace gateways {

std::string spec_json(const protocol::sandbox_spec& spec);
protocol::result<protocol::sandbox_spec> spec_from_json(std::string_view text);

}  // namespace gateways
