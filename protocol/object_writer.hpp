// Writes one JSON object, member by member, in the order they are asked for. No tree.
//
// Used by what renders resources and events. Names are plain words of the program itself.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "protocol/json.hpp"
#include "protocol/time.hpp"

namespace protocol {

class object_writer {
 public:
  explicit object_writer(std::size_t reserve = 512) {
    out_.reserve(reserve);
    out_ += '{';
  }

  /// `json` is the text of a value.
  void raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json;
  }
  void text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
  }
  void text_or_null(std::string_view name, std::string_view value) {
    value.empty() ? raw(name, "null") : text(name, value);
  }
  void time_or_null(std::string_view name, unix_ms at) {
    if (at == 0) return raw(name, "null");
    key(name);
    out_ += '"';
    append_rfc3339(out_, at);
    out_ += '"';
  }
  template <class Number>
  void number(std::string_view name, Number value) {
    key(name);
    append_json(out_, value);
  }
  /// Finer than a microsecond is noise to a client.
  void milliseconds(std::string_view name, double ms) {
    number(name, std::round(ms * 1'000) / 1'000);
  }
  /// A whole number as such, however large.
  void measure(std::string_view name, double value) {
    constexpr double exact_max = 9e15;
    if (std::floor(value) == value && std::abs(value) <= exact_max)
      number(name, static_cast<std::int64_t>(value));
    else
      number(name, value);
  }
  template <class Number>
  void number_or_null(std::string_view name, Number value) {
    value == Number{} ? raw(name, "null") : number(name, value);
  }
  void flag(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  void texts(std::string_view name, std::span<const std::string> values) {
    key(name);
    out_ += '[';
    for (const auto& value : values) {
      if (out_.back() != '[') out_ += ',';
      append_json_string(out_, value);
    }
    out_ += ']';
  }

  std::string close() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void key(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }

  std::string out_;
};

}  // namespace protocol
