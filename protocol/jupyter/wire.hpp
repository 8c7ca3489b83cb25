// The Jupyter wire protocol's frames: signing, encoding, decoding. Pure; the sockets are elsewhere.
//
// Used by the link to a kernel and by clients of it. Specification: "Messaging in Jupyter", section
// "The Wire Protocol" (5.3). Invariant: nothing of a message is parsed before its signature has
// been checked over the bytes as they came.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/jupyter/message.hpp"

namespace protocol::jupyter {

inline constexpr std::string_view delimiter = "<IDS|MSG>";

/// HMAC-SHA256 in lower-case hexadecimal; empty for an empty key, which means "unsigned".
std::string sign(std::string_view key, std::string_view header, std::string_view parent_header,
                 std::string_view metadata, std::string_view content);

/// The frames from the delimiter on. The header is made here; empty parts are sent as `{}`.
std::vector<std::string> encode(const message& m, const std::string& key,
                                const std::string& session, unix_ms now);

/// The message in `frames`, whatever routing frames stand before the delimiter. Refused as
/// `malformed_request`, with what was wrong, unless signature, header and parent header are right.
result<message> decode(std::span<const std::string_view> frames, const std::string& key,
                       channel on);

}  // namespace protocol::jupyter
