#include "protocol/http/schema.hpp"

#include <algorithm>
#include <cmath>

#include "protocol/id.hpp"
#include "protocol/text.hpp"

namespace protocol::http {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string escape_pointer(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string number_text(double x) {
  if (x == std::floor(x) && std::abs(x) < 1e15) return std::to_string(static_cast<long long>(x));
  return json(x).dump();
}

std::string_view kind_name(field_kind kind) {
  switch (kind) {
    case field_kind::string:
    case field_kind::identifier:
    case field_kind::choice: return "a string";
    case field_kind::integer: return "an integer";
    case field_kind::number: return "a number";
    case field_kind::boolean: return "true or false";
    case field_kind::object: return "an object";
    case field_kind::string_map: return "an object of strings";
    case field_kind::string_array: return "an array of strings";
    case field_kind::object_array: return "an array of objects";
  }
  return "something else";
}

bool all_strings(const json& value) {
  return std::all_of(value.begin(), value.end(), [](const json& x) { return x.is_string(); });
}

bool has_kind(const json& value, field_kind kind) {
  switch (kind) {
    case field_kind::string:
    case field_kind::identifier:
    case field_kind::choice: return value.is_string();
    case field_kind::integer:
      // 30.0 is an integer to JSON Schema; what does not fit 53 bits was not meant.
      return value.is_number() && std::abs(value.get<double>()) <= 9007199254740992.0 &&
             std::floor(value.get<double>()) == value.get<double>();
    case field_kind::number: return value.is_number() && std::isfinite(value.get<double>());
    case field_kind::boolean: return value.is_boolean();
    case field_kind::object: return value.is_object();
    case field_kind::string_map: return value.is_object() && all_strings(value);
    case field_kind::string_array: return value.is_array() && all_strings(value);
    case field_kind::object_array: return value.is_array();
  }
  return false;
}

bool out_of_range(double x, const field& f) {
  return x < f.min || (f.above_min && x == f.min) || (f.max > 0 && x > f.max);
}

std::string range_text(const field& f) {
  auto text = (f.above_min ? "more than " : "at least ") + number_text(f.min);
  if (f.max > 0) text += " and at most " + number_text(f.max);
  return text;
}

std::string choice_text(const field& f) {
  std::string text;
  for (auto choice : f.choices) {
    if (!text.empty()) text += ", ";
    text += choice;
  }
  return text;
}

void check(const json& value, const schema& s, const std::string& at, std::vector<violation>& out);

void check_field(const json& value, const field& f, const std::string& at,
                 std::vector<violation>& out) {
  if (value.is_null() && !f.required) return;
  if (!has_kind(value, f.kind)) {
    out.push_back({at, "must be " + std::string(kind_name(f.kind))});
    return;
  }
  switch (f.kind) {
    case field_kind::identifier:
      if (!valid_id(value.get_ref<const std::string&>()))
        out.push_back({at,
                       "must be 1 to 64 letters, digits, `_`, `.` or `-`, and not begin with "
                       "`.` or `-`"});
      break;
    case field_kind::integer:
    case field_kind::number:
      if (out_of_range(value.get<double>(), f)) out.push_back({at, "must be " + range_text(f)});
      break;
    case field_kind::choice:
      if (std::ranges::find(f.choices, value.get_ref<const std::string&>()) == f.choices.end())
        out.push_back({at, "must be one of " + choice_text(f)});
      break;
    case field_kind::object:
      if (f.members) check(value, *f.members, at, out);
      break;
    case field_kind::object_array:
      for (std::size_t i = 0; i < value.size(); ++i)
        check(value[i], *f.members, at + "/" + std::to_string(i), out);
      break;
    default: break;
  }
}

void check(const json& value, const schema& s, const std::string& at, std::vector<violation>& out) {
  if (!value.is_object()) {
    out.push_back({at, "must be an object"});
    return;
  }
  for (const auto& [name, member] : value.items()) {
    auto pointer = at + "/" + escape_pointer(name);
    auto f = std::ranges::find(s.fields, std::string_view(name), &field::name);
    if (f != s.fields.end()) {
      check_field(member, *f, pointer, out);
      continue;
    }
    std::vector<std::string_view> names;
    for (const auto& known : s.fields) names.push_back(known.name);
    auto close = nearest(name, names);
    out.push_back({std::move(pointer),
                   close.empty() ? "unknown field"
                                 : "unknown field; did you mean `" + std::string(close) + "`?"});
  }
  for (const auto& f : s.fields)
    if (f.required && !value.contains(f.name))
      out.push_back({at + "/" + escape_pointer(f.name), "is required"});
}

ordered_json type_of(const field& f, std::string_view type) {
  if (f.required) return type;
  return ordered_json::array({type, "null"});
}

void add_bounds(ordered_json& out, const field& f) {
  auto plain = [&](double x) -> ordered_json {
    if (x == std::floor(x)) return static_cast<std::int64_t>(x);
    return x;
  };
  out[f.above_min ? "exclusiveMinimum" : "minimum"] = plain(f.min);
  if (f.max > 0) out["maximum"] = plain(f.max);
}

ordered_json field_schema(const field& f) {
  ordered_json out = ordered_json::object();
  switch (f.kind) {
    case field_kind::string: out["type"] = type_of(f, "string"); break;
    case field_kind::identifier:
      out["type"] = type_of(f, "string");
      out["pattern"] = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$";
      break;
    case field_kind::integer: out["type"] = type_of(f, "integer"); break;
    case field_kind::number: out["type"] = type_of(f, "number"); break;
    case field_kind::boolean: out["type"] = type_of(f, "boolean"); break;
    case field_kind::object:
      if (f.members) out = to_json_schema(*f.members);
      out["type"] = type_of(f, "object");
      break;
    case field_kind::string_map:
      out["type"] = type_of(f, "object");
      out["additionalProperties"] = {{"type", "string"}};
      break;
    case field_kind::string_array:
      out["type"] = type_of(f, "array");
      out["items"] = {{"type", "string"}};
      break;
    case field_kind::object_array:
      out["type"] = type_of(f, "array");
      out["items"] = to_json_schema(*f.members);
      break;
    case field_kind::choice:
      out["type"] = type_of(f, "string");
      out["enum"] = f.choices;
      if (!f.required) out["enum"].push_back(nullptr);
      break;
  }
  if (f.kind == field_kind::integer || f.kind == field_kind::number) add_bounds(out, f);
  if (!f.doc.empty()) out["description"] = f.doc;
  if (!f.fallback.empty()) out["default"] = ordered_json::parse(f.fallback);
  return out;
}

}  // namespace

std::vector<violation> validate(const json& value, const schema& s) {
  std::vector<violation> out;
  check(value, s, "", out);
  return out;
}

ordered_json to_json_schema(const schema& s) {
  ordered_json out = ordered_json::object();
  out["type"] = "object";
  if (!s.doc.empty()) out["description"] = s.doc;
  auto required = ordered_json::array();
  out["properties"] = ordered_json::object();
  for (const auto& f : s.fields) {
    out["properties"][std::string(f.name)] = field_schema(f);
    if (f.required) required.push_back(f.name);
  }
  if (!required.empty()) out["required"] = required;
  out["additionalProperties"] = false;
  return out;
}

}  // namespace protocol::http
