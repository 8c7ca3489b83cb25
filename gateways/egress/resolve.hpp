// The addresses of a host, by the system's own resolver. Blocks; runs on a pool.
#pragma once

#include <string>
#include <vector>

#include "config/egress_rule.hpp"

namespace gateways {

struct resolved_host {
  std::vector<config::ip_address> addresses;  ///< in the order to try them; at most 16
  std::string why;                            ///< when there are none
};

resolved_host resolve_host(const std::string& host);

}  // namespace gateways
