#include "protocol/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "protocol/json_scanner.hpp"
#include "protocol/text.hpp"

namespace protocol {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

/// With U+FFFD for what is not UTF-8 and for escaped surrogates without their other half.
std::string repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      const auto escape = read_escape(text, at);
      if (escape.code == code_point_lone)
        out += replacement;
      else
        out.append(text, at, escape.length);
      at += escape.length;
      continue;
    }
    const auto length = utf8_length(text, at);
    if (length == 0)
      out += replacement;
    else
      out.append(text, at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

bool is_object(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 15];
  }
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

result<nlohmann::json> parse_json(std::string_view text, int depth_max) {
  using parsed = result<nlohmann::json>;  // a json converts from too much: say which side is meant
  const auto refuse = [](std::string why) {
    return parsed(boost::system::in_place_error,
                  fault{error_code::malformed_json, std::move(why), {}, 0});
  };
  const auto scanned = scan_json(text, depth_max);
  if (scanned.why)
    return refuse(std::string(scanned.why) + " at byte " + std::to_string(scanned.at + 1));
  auto value = nlohmann::json::parse(text, nullptr, false);
  // All that is left to go wrong after the scan.
  if (value.is_discarded()) return refuse("a number is out of range");
  return parsed(boost::system::in_place_value, std::move(value));
}

bool is_json_object(std::string_view text, int depth_max) noexcept {
  return is_object(text) && !scan_json(text, depth_max).why;
}

buffer one_line_json(buffer content) {
  if (!is_object(content.view())) return {};
  auto scanned = scan_json(content.view(), json_depth_max);
  if (scanned.bad_text) {
    content = buffer(repaired(content.view()));
    scanned = scan_json(content.view(), json_depth_max);
  }
  if (scanned.why) return {};
  if (!scanned.line_break) return content;
  std::string line(content.view());  // line breaks stand between tokens only, never in a string
  std::erase_if(line, [](char c) { return c == '\n' || c == '\r'; });
  return buffer(std::move(line));
}

void append_json_string(std::string& out, std::string_view text) {
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  std::size_t plain = 0;  // where the run of bytes that need no escape began
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++at;
      continue;
    }
    const auto length = byte < 0x80 ? 0 : utf8_length(text, at);
    if (length != 0) {
      at += length;
      continue;
    }
    out.append(text, plain, at - plain);
    if (byte < 0x80)
      append_escaped(out, text[at]);
    else
      out += replacement;
    plain = ++at;
  }
  out.append(text, plain);
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

void append_json(std::string& out, std::int64_t number) {
  append_number(out, number);
}

void append_json(std::string& out, std::uint64_t number) {
  append_number(out, number);
}

void append_json(std::string& out, double number) {
  if (std::isfinite(number))
    append_number(out, number);
  else
    out += "null";
}

std::string json_text(std::string_view value) {
  std::string out;
  if (!is_json_string(value)) return out;
  value = value.substr(1, value.size() - 2);
  out.reserve(value.size());
  for (std::size_t at = 0; at < value.size();) {
    const auto next = std::min(value.find('\\', at), value.size());
    out.append(value, at, next - at);
    at = next;
    if (at == value.size()) break;
    const auto escape = read_escape(value, at);
    if (escape.code < code_point_lone)
      append_utf8(out, escape.code);
    else
      out += replacement;
    at += escape.length;
  }
  return out;
}

std::int64_t json_integer(std::string_view value, std::int64_t otherwise) noexcept {
  std::int64_t number = 0;
  const auto* end = value.data() + value.size();
  const auto [stop, failed] = std::from_chars(value.data(), end, number);
  return failed == std::errc() && stop == end ? number : otherwise;
}

}  // namespace protocol
