// Conditional and partial requests (RFC 9110, 13 and 14): ETag, If-Match, If-None-Match, Range.
//
// Pure. ETags here are strong, in quotes. A Range that cannot be read, or names several ranges, is
// as good as none: the whole is a right answer to it.
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
};

enum class verdict : std::uint8_t { go_on, not_modified, failed };

/// `etag` empty: there is nothing yet. Only a request that `reads` can be told `not_modified`.
verdict judge(const conditions& c, std::string_view etag, bool reads) noexcept;

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

}  // namespace protocol::files
