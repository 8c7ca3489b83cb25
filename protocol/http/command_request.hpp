// Requests about commands: their schemas, and their readers.
//
// Pure. What a process cannot be given at all (a NUL, a name with `=`, more than the system takes)
// is refused here, so that starting one fails only for what the sandbox says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/http/schema.hpp"

namespace protocol::http {

struct request_rules;

schema command_schema(double timeout_s_max);
schema command_input_schema();
schema terminal_size_schema();

/// The path without `.` and `..`, relative to the workspace; or `path_escapes`, by its text alone:
/// links are followed inside the sandbox, where they lead nowhere else.
result<std::string> path_in_workspace(std::string_view path);

// The readers below take what `read_body` gave for the schema of the same name.

/// Also says whether it is to run in the background: then nobody waits for its end.
struct asked_command {
  execution_request request;
  bool background = false;
};
result<asked_command> read_command(const nlohmann::json& body, const request_rules& rules,
                                   std::int64_t timeout_ms_max);

struct asked_input {
  std::string value;
  bool close = false;
};
asked_input read_command_input(const nlohmann::json& body);

struct asked_size {
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};
asked_size read_terminal_size(const nlohmann::json& body);

}  // namespace protocol::http
