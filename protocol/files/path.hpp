// Paths of the workspace as clients write them, and what the zones allow.
//
// Pure. A path is relative, its parts joined by single slashes, without `.` and `..`; the empty one
// is the workspace itself. Whether a link on the way leads out is for the one who opens it to find.
// The rules are those for the HTTP client, who owns the workspace: `upload/` is where it puts files
// that code in the sandbox may only read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/sandbox.hpp"

namespace protocol::files {

/// So few that a target of 8,192 bytes takes a folder, percent-encoded, and the cursor of a path in
/// it, of two digits a byte. What lies deeper is reached by moving or removing a folder above.
inline constexpr std::size_t path_bytes_max = 1'600;

enum class zone : std::uint8_t { none, upload, output, deploy, store };

/// The folder's name; empty for `none`.
std::string_view name_of(zone z) noexcept;

/// Of a path that `parse_path` gave.
zone zone_of(std::string_view path) noexcept;

/// The path in its one form, or why it is none: `path_escapes` when it is absolute or has `..`,
/// `invalid_field` at `pointer` when a part is too long or has a NUL.
result<std::string> parse_path(std::string_view text, std::string_view pointer = "/path");

std::vector<std::string_view> parts_of(std::string_view path);

/// The part of `path` before its last slash, and after it.
std::string_view parent_of(std::string_view path) noexcept;
std::string_view last_of(std::string_view path) noexcept;
std::string joined(std::string_view folder, std::string_view name);

/// Whether `path` is `folder` or lies in it.
bool is_within(std::string_view path, std::string_view folder) noexcept;

/// A folder before what is in it, siblings by their bytes: the order of listings.
bool lies_before(std::string_view a, std::string_view b) noexcept;

/// A path as the cursor of a listing, byte for byte, and back.
std::string cursor_of(std::string_view path);
result<std::string> parse_cursor(std::string_view text);

enum class change : std::uint8_t {
  write,   ///< make or replace
  append,  ///< add at the end, make it if it is not there
  remove,  ///< also moving it away
};

/// Why the client may not do that; nothing when it may.
std::optional<fault> refusal(change what, std::string_view path, sandbox_mode mode);

/// The same of writing anything in `folder`, which may be the folder of a zone.
std::optional<fault> refusal_inside(std::string_view folder, sandbox_mode mode);

/// Whether code in the sandbox may change what is at `path`.
bool writable_inside(std::string_view path, sandbox_mode mode) noexcept;

}  // namespace protocol::files
