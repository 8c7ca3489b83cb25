// Puts one value into the field of a row of the table, or says why it may not go there.
//
// Two forms of a value: what TOML parsed, and the text of a variable or a flag. Both end in the
// same check of range and choice. Internal to config/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "config/options.hpp"

namespace config {

/// Each answers an empty string, or what is wrong without its place.
std::string assign_toml(const option& row, settings& values, const toml::node& node);
std::string assign_text(const option& row, settings& values, std::string_view text);
std::string assign_list(const option& row, settings& values, const string_list& list);

/// What is wrong with the fields taken together: the key to blame and a sentence.
struct conflict {
  std::string_view key;
  std::string text;
};
std::vector<conflict> cross_check(const settings& values);

}  // namespace config
