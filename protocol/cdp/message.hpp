// Messages of the Chrome DevTools Protocol as text: what stands around a command, a reply and an
// event, in Chromium's words.
//
// Params and results are passed on as they came. Chromium's own answers to what is no command are
// imitated only where the id, by which its answer would be routed, is missing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace protocol::cdp {

/// Chromium stops to read its pipe for good at 100 MiB.
inline constexpr std::size_t frame_bytes_max = 95 << 20;
/// Of a command's arrays and objects. What the browser writes is not bounded here.
inline constexpr int depth_max = 300;

/// JSON-RPC codes, and Chromium's own from -32000.
enum class error_code : int {
  parse_error = -32700,
  invalid_request = -32600,
  session_not_found = -32001,
  server_error = -32000,
};

/// A client's command. Views of its text, as they stand there; `session_id` empty: its top session.
struct command {
  std::int32_t id = 0;
  std::string_view method;  ///< quoted
  std::string_view params;  ///< empty: none
  std::string session_id;
};

/// Why a text is no command, and the answer to it.
struct no_command {
  std::string answer;
};

std::variant<command, no_command> parse_command(std::string_view text);

/// What Chromium wrote: a reply (`id`), else an event (`method`). Views of valid text.
struct message {
  std::string_view id;  ///< empty: an event
  std::string_view method;
  std::string_view params;
  std::string_view result, error;  ///< of a reply, one of them
  std::string session_id;          ///< empty: of none
};

message read_message(std::string_view text);

/// `params` empty: none; `session_id` empty: none.
std::string command_text(std::int64_t id, std::string_view quoted_method, std::string_view params,
                         std::string_view session_id);
std::string reply_text(std::int64_t id, const message& with, std::string_view session_id);
std::string event_text(const message& m, std::string_view session_id);
std::string result_text(std::int64_t id, std::string_view result, std::string_view session_id);
std::string error_text(std::int64_t id, error_code code, std::string_view what,
                       std::string_view session_id);

}  // namespace protocol::cdp
