// Exact replacement in a text, and what it comes to as a unified diff.
//
// Pure, on bytes: the text need not be UTF-8. Places count from 1, columns in bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace protocol::files {

/// Where `what`, which is not empty, stands in `text`; those that overlap an earlier one left out.
std::vector<std::size_t> occurrences(std::string_view text, std::string_view what);

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

std::string applied(std::string_view text, const replacement& r);

/// From `text` to `applied(text, r)`, with three lines around each change; empty when nothing
/// changes. `patch` takes it.
std::string unified_diff(std::string_view path, std::string_view text, const replacement& r);

}  // namespace protocol::files
