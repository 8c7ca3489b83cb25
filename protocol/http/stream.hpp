// How one event line is framed for a client: server-sent events or one line a piece.
//
// An event is one line of JSON without a line break (`protocol::render_event`), so nothing in it
// needs escaping in either form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/http/accept.hpp"

namespace protocol::http {

/// `id: N\nevent: TYPE\ndata: LINE\n\n`, or the line and its end. `feed` stands before the number.
void append_event(std::string& out, media form, std::uint64_t n, std::string_view line,
                  std::string_view feed = {});

/// What is written when there was nothing to write for long: a comment, or an empty line.
std::string_view keep_alive(media form) noexcept;

/// The last words to a reader that is cut: `problem` is a JSON object on one line. It has no
/// number, so that a client's idea of the last event it saw stays right.
void append_cut(std::string& out, media form, std::string_view problem);

}  // namespace protocol::http
