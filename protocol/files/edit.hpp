// Exact replacement in a text, and what it comes to as a unified diff.
//
// Pure, on bytes: the text need not be UTF-8, and has less than 4 GiB. Places count from 1, columns
// in bytes. What a text comes to is bounded before it is built: a short `what` may be everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace protocol::files {

inline constexpr std::size_t occurrences_max = 100'000;  ///< that one edit replaces
inline constexpr std::size_t diff_bytes_max = 256 << 10;

/// Where `what`, which is not empty, stands in `text`; those that overlap an earlier one left out.
/// The first `count_max`: one more than may be replaced tells that they are too many.
std::vector<std::size_t> occurrences(std::string_view text, std::string_view what,
                                     std::size_t count_max = occurrences_max + 1);

struct place {
  std::uint64_t line = 1;
  std::uint64_t column = 1;
};

/// Of the first `places_max` of `at`, which ascend.
std::vector<place> places_of(std::string_view text, std::span<const std::size_t> at,
                             std::size_t places_max);

/// The `length` bytes at each of `at` become `with`.
struct replacement {
  std::span<const std::size_t> at;
  std::size_t length = 0;
  std::string_view with;
};

/// How large `applied` would be.
std::uint64_t size_after(std::string_view text, const replacement& r);

std::string applied(std::string_view text, const replacement& r);

struct text_diff {
  std::string text;
  bool complete = true;  ///< false: it ends with the last whole change that there is room for
};

/// From `text` to `applied(text, r)`, with three lines around each change; empty when nothing
/// changes. `patch` takes it when it is complete. `bytes_max` is without the two lines of paths.
text_diff unified_diff(std::string_view path, std::string_view text, const replacement& r,
                       std::size_t bytes_max = diff_bytes_max);

}  // namespace protocol::files
