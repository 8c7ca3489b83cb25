#include "protocol/http/target.hpp"

#include <charconv>

#include "protocol/files/path.hpp"

namespace protocol::http {
namespace {

fault malformed(std::string detail) {
  return {error_code::malformed_request, std::move(detail), {}, 0};
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The length of the UTF-8 character that begins at `at`, 0 when there is no valid one.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  auto first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    auto length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

result<target_parts> split_target(std::string_view target) {
  target_parts parts;
  for (auto scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!target.starts_with(scheme)) continue;
    auto slash = target.find_first_of("/?", scheme.size());
    if (slash == std::string_view::npos || target[slash] == '?')
      return malformed("the request target has no path");
    parts.authority = target.substr(scheme.size(), slash - scheme.size());
    target.remove_prefix(slash);
    break;
  }
  if (target.empty() || target[0] != '/')
    return malformed("the request target must begin with a slash");
  if (target.find('#') != std::string_view::npos)
    return malformed("the request target must not have a fragment");
  auto mark = target.find('?');
  parts.path = target.substr(0, mark);
  if (mark != std::string_view::npos) parts.query = target.substr(mark + 1);
  return parts;
}

result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return malformed("a percent escape is cut short");
      int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0)
        return malformed("a percent escape has digits that are not hexadecimal");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return malformed("the request target has a NUL character");
    out += c;
  }
  if (!is_utf8(out)) return malformed("the request target is not UTF-8");
  return out;
}

result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> out;
  if (path.empty() || path[0] != '/') return malformed("the path must begin with a slash");
  if (path == "/") return out;
  for (std::size_t at = 1;;) {
    auto slash = path.find('/', at);
    auto last = slash == std::string_view::npos;
    auto segment = percent_decode(path.substr(at, last ? slash : slash - at));
    if (!segment) return segment.error();
    out.push_back(std::move(*segment));
    if (last) return out;
    at = slash + 1;
  }
}

result<std::string> join_path(const std::vector<std::string>& segments, std::size_t from) {
  std::string out;
  bool has_slash = false;
  for (auto i = from; i < segments.size(); ++i) {
    has_slash |= segments[i].find('/') != std::string::npos;
    if (i > from) out += '/';
    out += segments[i];
  }
  if (!has_slash) return out;
  auto path = files::parse_path(out);
  return path ? malformed("a name in the path has a slash") : path.error();
}

result<query> query::parse(std::string_view text) {
  query out;
  while (!text.empty()) {
    auto end = text.find('&');
    auto pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    if (!name) return name.error();
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!value) return value.error();
    out.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::optional<std::string_view> query::find(std::string_view name) const {
  for (const auto& [key, value] : pairs_)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<bool> parse_switch(std::string_view text) {
  if (text.empty() || text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

}  // namespace protocol::http
