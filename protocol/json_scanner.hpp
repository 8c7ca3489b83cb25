// The reader under `json.hpp`: checks JSON text (RFC 8259) in one pass, with no tree and no
// recursion.
//
// Used by `json.cpp` and `json_member.cpp` only. Messages of many MB pass through it on their way
// from a kernel to its clients, so strings are skipped eight bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace protocol {

struct json_scan {
  const char* why = nullptr;  ///< what is wrong; null: nothing
  std::size_t at = 0;         ///< the byte it is wrong at, from 0
  bool bad_text = false;      ///< it is wrong only in that a string is not UTF-8
  bool line_break = false;    ///< there are line breaks between tokens
};

/// `depth_max` beyond 1024 counts as 1024.
json_scan scan_json(std::string_view text, int depth_max) noexcept;

inline constexpr std::uint32_t code_point_lone = 0x110000;   ///< half of a surrogate pair
inline constexpr std::uint32_t code_point_wrong = 0x110001;  ///< not an escape at all

struct json_escape {
  std::uint32_t code = code_point_wrong;
  std::size_t length = 0;  ///< at least 1, within the text; a whole pair is 12
};

/// The escape whose backslash stands at `at`.
json_escape read_escape(std::string_view text, std::size_t at) noexcept;

}  // namespace protocol
