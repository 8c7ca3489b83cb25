// Conditional and partial requests (RFC 9110, 13 and 14): by ETag, by date, and Range.
//
// Pure. ETags here are strong, in quotes. A date that cannot be read is as good as none. So is a
// Range that cannot be read, or names several ranges: the whole is a right answer to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace protocol::files {

struct conditions {
  std::string if_match;
  std::string if_none_match;
  std::string if_range;
  std::string if_modified_since{};    ///< holds only where `if_none_match` is not there
  std::string if_unmodified_since{};  ///< holds only where `if_match` is not there

  /// Whether a write may fail for it.
  bool binds_writes() const;
};

enum class verdict : std::uint8_t { go_on, not_modified, failed };

/// `etag` empty: there is nothing yet, and nothing has `modified_s`. Only a request that `reads`
/// can be told `not_modified`.
verdict judge(const conditions& c, std::string_view etag, std::int64_t modified_s, bool reads);

struct whole {};
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};
struct unsatisfiable {};
using range_choice = std::variant<whole, byte_range, unsatisfiable>;

/// Invariant: a `byte_range` is not empty and lies within `size`.
range_choice choose_range(std::string_view range, std::uint64_t size) noexcept;

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::int64_t unix_s);

/// In that form or one of the two older ones (RFC 9110, 5.6.7); none: it is no date.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace protocol::files
