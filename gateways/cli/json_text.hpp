// Reading members of JSON that came from elsewhere: what is missing or of another type is empty.
//
// Only the command line uses it; nothing here throws.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace gateways::cli {

/// The member `key` of an object, or null.
inline const nlohmann::json& member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

/// A string, or an array of strings joined; else empty.
inline std::string text_of(const nlohmann::json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) return *text;
  std::string joined;
  if (value.is_array())
    for (const auto& part : value) joined += text_of(part);
  return joined;
}

inline std::string text_at(const nlohmann::json& object, const char* key) {
  return text_of(member(object, key));
}

inline std::uint64_t number_at(const nlohmann::json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

}  // namespace gateways::cli
