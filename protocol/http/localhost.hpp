// Which names are of this machine.
#pragma once

#include <string_view>

#include "protocol/http/accept.hpp"

namespace protocol::http {

/// `localhost`, or a name below it, whatever a name server or a file says (RFC 6761, 6.3).
inline bool is_localhost(std::string_view name) {
  constexpr std::string_view local = "localhost";
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() < local.size()) return false;
  auto above = name.substr(0, name.size() - local.size());
  return same_word(name.substr(above.size()), local) &&
         (above.empty() || (above.size() > 1 && above.back() == '.'));
}

}  // namespace protocol::http
