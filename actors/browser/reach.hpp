// Reads what a browser wrote without trusting its shape: what is not there is empty.
//
// And makes the objects that are written to it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace actors::browsing {

using nlohmann::json;

inline const json nothing;

inline const json& at(const json& j) {
  return j;
}

/// The value that the names lead to; null when one of them is not there.
template <class... Names>
const json& at(const json& j, const char* name, Names... names) {
  if (!j.is_object()) return nothing;
  auto found = j.find(name);
  return found == j.end() ? nothing : at(*found, names...);
}

template <class... Names>
std::string text_at(const json& j, Names... names) {
  auto& value = at(j, names...);
  return value.is_string() ? value.template get<std::string>() : std::string();
}

template <class... Names>
double number_at(const json& j, Names... names) {
  auto& value = at(j, names...);
  return value.is_number() ? value.template get<double>() : 0.0;
}

template <class... Names>
std::int64_t integer_at(const json& j, Names... names) {
  return static_cast<std::int64_t>(number_at(j, names...));
}

template <class... Names>
bool flag_at(const json& j, Names... names) {
  auto& value = at(j, names...);
  return value.is_boolean() && value.template get<bool>();
}

/// The elements of an array; none of anything else.
template <class... Names>
const json& list_at(const json& j, Names... names) {
  static const json none = json::array();
  auto& value = at(j, names...);
  return value.is_array() ? value : none;
}

inline void put(json&) {}

template <class T, class... Rest>
void put(json& to, const char* name, T&& value, Rest&&... rest) {
  to[name] = std::forward<T>(value);
  put(to, std::forward<Rest>(rest)...);
}

/// `with("a", 1, "b", 2)` is the object {"a": 1, "b": 2}.
template <class... Members>
json with(Members&&... members) {
  auto out = json::object();
  put(out, std::forward<Members>(members)...);
  return out;
}

}  // namespace actors::browsing
