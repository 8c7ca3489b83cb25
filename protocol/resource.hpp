// Resources as clients see them: an execution with its outputs, a kernel, a sandbox, a turn.
//
// Rendering only; what is shown was decided elsewhere. `record_json` and `record_from_json` are the
// journal's form of a record and keep every field; nobody else reads them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/buffer.hpp"
#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/sandbox.hpp"

namespace protocol {

/// The execution resource; of a command, with exit code, signal and streams instead of outputs.
/// `events` are the lines made by `render_event`, in order: what was printed is taken from them.
std::string to_json(const execution_record& r, std::span<const buffer> events);

std::string to_json(const kernel_view& k);
std::string to_json(const sandbox_view& s);
std::string to_json(const turn_view& t);

/// The body of GET /kernel/status.
std::string kernel_status_json(const kernel_view& k);

std::string record_json(const execution_record& r);
result<execution_record> record_from_json(std::string_view text);

}  // namespace protocol
