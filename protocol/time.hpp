// Times as the edge writes them: RFC 3339 in UTC, with milliseconds and `Z`.
#pragma once

#include <string>

#include "protocol/execution.hpp"

namespace protocol {

/// "2026-01-02T03:04:05.678Z". Years outside 0000..9999 are clamped to the nearest that has four
/// digits, so that the shape is always the same.
std::string rfc3339(unix_ms at);

/// As `rfc3339`, at the end of `out`.
void append_rfc3339(std::string& out, unix_ms at);

}  // namespace protocol
