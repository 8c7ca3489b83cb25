// Events as clients see them: each rendered once, as one line of JSON, and passed on as bytes.
//
// Made by whoever numbers them (a kernel, the journal), read by the gateways and by `resource.hpp`.
// The order of the members is fixed, which is what lets the readers below find them without a
// parse; they are for lines made here, not for JSON at large.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/buffer.hpp"
#include "protocol/execution.hpp"

namespace protocol {

class object_writer;

/// `type` and `execution_id` are plain words; `data_json` is one JSON object on one line.
buffer render_event(std::uint64_t n, std::string_view type, unix_ms at,
                    std::string_view execution_id, std::uint64_t generation,
                    std::string_view data_json);

/// An event of the node: the same without `execution_id` and `generation`.
buffer render_node_event(std::uint64_t n, std::string_view type, unix_ms at,
                         std::string_view data_json);

/// Empty when `line` was not made here.
std::string_view event_type(std::string_view line) noexcept;

/// The text of the object `data`; empty when `line` was not made here.
std::string_view event_data(std::string_view line) noexcept;

/// The cause as clients see it: `null` for what its own code ended, well or by an error.
std::string cause_json(const execution_record& r);

std::string to_json(const usage& u);

/// How the process of a command ended: the members `exit_code` and `signal`.
void write_exit(object_writer& w, const execution_record& r);

/// The data of `ended`.
std::string ended_data(const execution_record& r);

/// The data of `truncated`.
std::string truncated_data(const truncation& t);

}  // namespace protocol
