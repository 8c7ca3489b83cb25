// Ids: opaque, URL-safe, beginning with their kind. Randomness is the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace protocol {

/// The prefix ("exe_") and 22 URL-safe characters that hold all 128 bits.
std::string make_id(std::string_view prefix, std::uint64_t a, std::uint64_t b);

/// Whether a client may name something so: 1..64 of letters, digits, `_`, `.` and `-`, not
/// beginning with `.` or `-`. Such an id is safe as a file name.
bool valid_id(std::string_view id) noexcept;

}  // namespace protocol
