// JSON at the boundary: text that others wrote, checked with a bound on its depth before it is
// used.
//
// Payloads are passed on as the bytes they came as wherever that is right; `one_line_json` is what
// decides it. No tree is built but by `parse_json`: the rest reads the text in place, and what it
// hands out are views of it.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "protocol/buffer.hpp"
#include "protocol/error.hpp"

namespace protocol {

/// How deep arrays and objects may nest in what clients and kernels send.
inline constexpr int json_depth_max = 64;

/// The value, or `malformed_json` with the byte it went wrong at. Invalid UTF-8 is refused.
result<nlohmann::json> parse_json(std::string_view text, int depth_max = json_depth_max);

/// Whether `text` is one JSON object, in UTF-8, no deeper than `depth_max`.
bool is_json_object(std::string_view text, int depth_max = json_depth_max) noexcept;

/// `content` itself when it is a JSON object on one line; without its line breaks when it has some;
/// with U+FFFD for what is not UTF-8 (kernels do print such bytes, and they must not cost the
/// rest). An empty buffer when it is not a JSON object, or too deep.
buffer one_line_json(buffer content);

/// Quoted and escaped; what is not UTF-8 is replaced by U+FFFD.
std::string json_string(std::string_view text);

/// As `json_string`, at the end of `out`.
void append_json_string(std::string& out, std::string_view text);

/// Decimal digits at the end of `out`; a double in the shortest form that reads back as the same,
/// `null` when it is not finite.
void append_json(std::string& out, std::int64_t number);
void append_json(std::string& out, std::uint64_t number);
void append_json(std::string& out, double number);

/// The text of the member `name`, as it stands in `object`; empty when there is none, the last when
/// there are several. `object` must be valid: on anything else the answer means nothing.
std::string_view json_member(std::string_view object, std::string_view name);

/// As `json_member`, for several names in one pass: `values[i]` is that of `names[i]`.
void json_members(std::string_view object, std::span<const std::string_view> names,
                  std::span<std::string_view> values);

/// Calls `seen` with each member's name, quoted as it stands, and value; `object` as for
/// `json_member`.
void json_each(std::string_view object,
               const std::function<void(std::string_view name, std::string_view value)>& seen);

/// Whether `value`, the text of a JSON value, is a string.
inline bool is_json_string(std::string_view value) noexcept {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"';
}

/// What the JSON string `value` says; empty when it is not a string.
std::string json_text(std::string_view value);

/// The JSON number `value` if it is an integer that fits, else `otherwise`.
std::int64_t json_integer(std::string_view value, std::int64_t otherwise) noexcept;

}  // namespace protocol
