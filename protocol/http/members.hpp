// Reads the members of a checked body: what is absent or null is its default.
//
// Only for bodies that `validate` found nothing wrong with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace protocol::http {

template <class T>
T value_or(const nlohmann::json& body, const char* name, T fallback) {
  auto it = body.find(name);
  return it == body.end() || it->is_null() ? std::move(fallback) : it->template get<T>();
}

inline std::string object_text(const nlohmann::json& body, const char* name) {
  auto it = body.find(name);
  return it == body.end() || it->is_null() ? "{}" : it->dump();
}

inline std::int64_t to_ms(double seconds) {
  return std::max<std::int64_t>(1, std::llround(seconds * 1e3));
}

}  // namespace protocol::http
