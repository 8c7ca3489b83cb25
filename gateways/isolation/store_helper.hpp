// The text of troupe_store.py, which every workload with a store can import.
#pragma once

#include <string_view>

namespace gateways {

extern const std::string_view store_helper_source;

}  // namespace gateways
