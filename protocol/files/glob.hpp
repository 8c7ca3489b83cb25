// Patterns of paths: `*` and `?` within a name, `**` for any folders, `[a-z]`, `{one,other}`.
//
// Pure. Parsed once, matched in time that is bounded by the product of both lengths.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"

namespace protocol::files {

class glob {
 public:
  /// `invalid_field` at `pointer` when the pattern is empty, too long, or its braces are too many.
  static result<glob> parse(std::string_view pattern, std::string_view pointer = "/pattern");

  bool matches(std::string_view path) const;

 private:
  std::vector<std::vector<std::string>> alternatives_;  ///< each a pattern by its parts
};

/// Whether the name fits a pattern without `/`, `**` and braces.
bool name_matches(std::string_view pattern, std::string_view name) noexcept;

}  // namespace protocol::files
