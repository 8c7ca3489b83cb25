// Parts of /openapi.json that the route table does not hold: the shapes of answers.
#pragma once

#include <string_view>

namespace gateways::http {

/// One JSON object: a schema a name. `Event` is what the streams of an execution are made of.
std::string_view answer_schemas() noexcept;

}  // namespace gateways::http
