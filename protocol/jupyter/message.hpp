// One Jupyter message as it came from, or goes to, a kernel.
// Specification: "Messaging in Jupyter", section "General Message Format" (protocol 5.3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/buffer.hpp"

namespace protocol::jupyter {

/// The channels a client talks on; the heartbeat has no messages and is not one of them.
enum class channel : std::uint8_t { shell, control, input, iopub };

inline std::string to_string(channel c) {
  constexpr const char* names[] = {"shell", "control", "stdin", "iopub"};
  return names[static_cast<std::size_t>(c)];
}

/// Parsed as far as routing needs; the four JSON parts stay the bytes that were signed.
struct message {
  channel on = channel::shell;
  std::string msg_id;
  std::string msg_type;
  std::string parent_msg_id;  ///< empty: the kernel said it unasked
  buffer header;
  buffer parent_header;
  buffer metadata;
  buffer content;
  std::vector<buffer> buffers;
};

/// What a message counts against the bound of a link: `received` adds it, `consumed` takes it off.
inline std::uint64_t bytes_of(const message& m) noexcept {
  std::uint64_t sum =
      m.header.size() + m.parent_header.size() + m.metadata.size() + m.content.size();
  for (auto& b : m.buffers) sum += b.size();
  return sum;
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, message& x) {
  return f(x.on, x.msg_id, x.msg_type, x.parent_msg_id, x.header, x.parent_header, x.metadata,
           x.content, x.buffers);
}

}  // namespace protocol::jupyter
