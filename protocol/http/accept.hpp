// Which form of an answer a client wants: the Accept header against what a route can give.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace protocol::http {

enum class media : std::uint8_t { json, ndjson, sse, text, problem };

/// The media type, as in "application/json".
std::string_view name_of(media m) noexcept;

/// The offer with the highest weight; of equals the earlier offer. The most specific range that
/// matches an offer gives its weight. An empty header takes the first. Nothing: 406.
std::optional<media> choose(std::string_view accept, std::span<const media> offers);

/// The type and subtype of a Content-Type, without its parameters.
std::string_view essence(std::string_view content_type) noexcept;

/// Case is ignored, for ASCII.
bool same_word(std::string_view a, std::string_view b) noexcept;

}  // namespace protocol::http
