#include "protocol/http/stream.hpp"

#include <charconv>

#include "protocol/event.hpp"

namespace protocol::http {

void append_event(std::string& out, media form, std::uint64_t n, std::string_view line,
                  std::string_view feed) {
  if (form == media::sse) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
    out.append("id: ")
        .append(feed)
        .append(digits, end)
        .append("\nevent: ")
        .append(event_type(line));
    out.append("\ndata: ").append(line).append("\n\n");
  } else {
    out.append(line) += '\n';
  }
}

std::string_view keep_alive(media form) noexcept {
  return form == media::sse ? ": keep-alive\n\n" : "\n";
}

void append_cut(std::string& out, media form, std::string_view problem) {
  if (form == media::sse) {
    out.append(": cut ").append(problem).append("\n\n");
  } else {
    out.append("{\"type\":\"cut\",\"data\":").append(problem).append("}\n");
  }
}

}  // namespace protocol::http
