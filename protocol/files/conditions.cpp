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

constexpr auto date_form = "%a, %d %b %Y %H:%M:%S GMT";

std::string formatted(const char* form, std::int64_t unix_s) {
  auto at = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, form, &parts)};
}

}  // namespace

bool conditions::binds_writes() const {
  return !if_match.empty() || !if_none_match.empty() || parse_http_date(if_unmodified_since);
}

verdict judge(const conditions& c, std::string_view etag, std::int64_t modified_s, bool reads) {
  if (!c.if_match.empty()) {
    if (etag.empty() || !lists(c.if_match, etag, false)) return verdict::failed;
  } else if (!etag.empty()) {
    auto since = parse_http_date(c.if_unmodified_since);
    if (since && modified_s > *since) return verdict::failed;
  }
  if (etag.empty()) return verdict::go_on;
  if (!c.if_none_match.empty()) {
    if (!lists(c.if_none_match, etag, true)) return verdict::go_on;
    return reads ? verdict::not_modified : verdict::failed;
  }
  auto since = reads ? parse_http_date(c.if_modified_since) : std::nullopt;
  return since && modified_s <= *since ? verdict::not_modified : verdict::go_on;
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
  return formatted(date_form, unix_s);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr std::size_t longest = 40;
  if (text.empty() || text.size() > longest) return std::nullopt;
  const std::string whole(text);
  for (auto* form : {date_form, "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    if (!::strptime(whole.c_str(), form, &parts)) continue;
    // What is read too kindly, as a day that the month does not have, does not come out again.
    auto at = std::int64_t{::timegm(&parts)};
    if (formatted(form, at) == whole) return at;
  }
  return std::nullopt;
}

}  // namespace protocol::files
