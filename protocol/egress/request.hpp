// What a client asks of a forward proxy, and what is sent on: RFC 9110 section 7.6, RFC 9112
// section 3.2. Pure text, strictly read: what two readers could take for two things is refused.
//
// A connection carries one request. A tunnel's bytes are nobody's business; of a plain request the
// head is written anew, and its body is as long as Content-Length says, so nothing can follow it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/egress/policy.hpp"

namespace protocol::egress {

inline constexpr std::size_t head_bytes_max = 16 << 10;

struct request {
  bool tunnel = false;  ///< CONNECT
  target to;
  std::string head;              ///< as it goes to the host, its end included; empty: a tunnel
  std::uint64_t body_bytes = 0;  ///< that follow it
};

/// Why it is answered at once.
struct bad_request {
  int status = 400;
  std::string why;
};

/// How long the head at the front of `text` is, with the empty line that ends it; 0: it is not
/// whole yet.
std::size_t head_size(std::string_view text);

/// `head` is one whole head, its end included.
std::variant<request, bad_request> parse_request(std::string_view head);

/// A whole answer with a problem as its body; `rule` names what decided, or is empty. The
/// connection ends with it.
std::string answer_text(int status, std::string_view detail, std::string_view rule = {});

}  // namespace protocol::egress
