// Typed requests from JSON bodies, and the schemas they are checked by.
//
// Pure. `request_rules` carries what the settings say about defaults and maxima; the route table
// makes it once. What is wrong is told all at once, field by field (`invalid_field`).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/files/request.hpp"
#include "protocol/http/schema.hpp"
#include "protocol/limits.hpp"
#include "protocol/sandbox.hpp"

namespace protocol::http {

/// Every body schema, with the bounds that the settings give.
struct request_rules {
  request_rules(const config::kernel_options& kernel, const config::sandbox_options& sandbox,
                const config::limit_options& limit);

  /// What a sandbox gets that asks for nothing.
  protocol::limits limits_of(sandbox_mode mode) const;

  std::int64_t timeout_ms;
  std::int64_t timeout_ms_max;
  std::uint64_t chat_steps;
  std::uint64_t agent_steps;
  protocol::limits limit;

  schema execution;
  schema short_execution;
  schema sandbox;
  schema limits;
  schema kernel;
  schema turn;
  schema standard_input;
  schema command;
  schema command_input;
  schema terminal_size;
  schema nothing;
  files::request_rules files;
};

/// The body as an object that fits `s`. An empty body stands for an empty object.
result<nlohmann::json> read_body(std::string_view body, const schema& s);

// The readers below take what `read_body` gave for the schema of the same name.

/// `timeout_ms_max` is the sandbox's own; a longer time limit is refused.
result<execution_request> read_execution(const nlohmann::json& body, const request_rules& rules,
                                         std::int64_t timeout_ms_max);
/// The limits that the body names; null stands for the one in `configured`.
std::vector<limit_change> read_limits(const nlohmann::json& body,
                                      const protocol::limits& configured);
sandbox_spec read_sandbox(const nlohmann::json& body, const request_rules& rules);
/// The id asked for; empty: none.
std::string read_kernel(const nlohmann::json& body);
std::string read_turn(const nlohmann::json& body);
std::string read_stdin(const nlohmann::json& body);

}  // namespace protocol::http
