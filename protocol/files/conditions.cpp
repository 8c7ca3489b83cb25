#include "protocol/files/conditions.hpp"

#include <algorithm>
#include <ctime>
#include <limits>

#include "protocol/http/accept.hpp"

namespace protocol::files {
namespace {

/// Whether the list names `etag`, or is `*`. `weak`: also a weak one is as good.
bool lists(std::string_view list, std::string_view etag, bool weak) noexcept {
  while (!list.empty()) {
    if (list[0] == ' ' || list[0] == '\t' || list[0] == ',') {
      list.remove_prefix(1);
      continue;
    }
    if (list[0] == '*') return true;
    bool is_weak = list.starts_with("W/");
    if (is_weak) list.remove_prefix(2);
    auto end = list.starts_with('"') ? list.find('"', 1) : list.npos;
    if (end == list.npos) return false;
    if (list.substr(0, end + 1) == etag && (weak || !is_weak)) return true;
    list.remove_prefix(end + 1);
  }
  return false;
}

/// Digits only; what does not fit is as large as can be.
std::optional<std::uint64_t> number_of(std::string_view text) noexcept {
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t out = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    auto digit = static_cast<std::uint64_t>(c - '0');
    out = out > (largest - digit) / 10 ? largest : out * 10 + digit;
  }
  return out;
}

}  // namespace

verdict judge(const conditions& c, std::string_view etag, bool reads) noexcept {
  if (!c.if_match.empty() && (etag.empty() || !lists(c.if_match, etag, false)))
    return verdict::failed;
  if (!c.if_none_match.empty() && !etag.empty() && lists(c.if_none_match, etag, true))
    return reads ? verdict::not_modified : verdict::failed;
  return verdict::go_on;
}

range_choice choose_range(std::string_view range, std::uint64_t size) noexcept {
  constexpr std::string_view unit = "bytes=";
  if (range.size() <= unit.size() || !http::same_word(range.substr(0, unit.size()), unit))
    return whole{};
  range.remove_prefix(unit.size());
  auto dash = range.find('-');
  if (dash == range.npos) return whole{};
  auto last_text = range.substr(dash + 1);
  auto first = number_of(range.substr(0, dash)), last = number_of(last_text);
  if (dash == 0) {  // the last so many bytes
    if (!last) return whole{};
    if (*last == 0 || size == 0) return unsatisfiable{};
    auto length = std::min(*last, size);
    return byte_range{size - length, length};
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return whole{};
  if (*first >= size) return unsatisfiable{};
  auto end = last ? std::min(*last, size - 1) : size - 1;
  return byte_range{*first, end - *first + 1};
}

std::string http_date(std::int64_t unix_s) {
  auto at = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace protocol::files
