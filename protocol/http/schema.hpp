// The shape of a request body as data: what the checker, the reader and /openapi.json all use.
//
// Schemas are made once, when the route table is. Invariant: a value that `validate` finds nothing
// wrong with can be read by `request.hpp` without further checks of its types.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace protocol::http {

enum class field_kind : std::uint8_t {
  string,
  identifier,  ///< a string that `protocol::valid_id` takes
  integer,
  number,
  boolean,
  object,      ///< with the fields of `members`, or any when there are none
  string_map,  ///< an object whose values are strings
  string_array,
  object_array,  ///< each with the fields of `members`
  choice,        ///< one of `choices`
};

struct schema;

struct field {
  std::string_view name{};
  field_kind kind = field_kind::string;
  bool required = false;  ///< one that is not may also be null, which means its default
  double min = 0;         ///< of a number; with `max` 0 there is no upper bound
  double max = 0;
  bool above_min = false;       ///< `min` itself is too small
  std::string_view fallback{};  ///< the default as JSON text; empty: none to tell
  std::string_view doc{};
  std::vector<std::string_view> choices{};
  std::shared_ptr<const schema> members{};
};

struct schema {
  std::string_view name;  ///< under /openapi.json#/components/schemas
  std::string_view doc{};
  std::vector<field> fields;
};

struct violation {
  std::string pointer;  ///< RFC 6901, into the body
  std::string detail;
};

/// Everything that is wrong with `value`, in the order of the body's members, then what is missing.
std::vector<violation> validate(const nlohmann::json& value, const schema& s);

/// As a JSON Schema of the dialect OpenAPI 3.1 uses.
nlohmann::ordered_json to_json_schema(const schema& s);

}  // namespace protocol::http
