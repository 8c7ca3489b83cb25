// From an execution's events to what a notebook would show: outputs, text, images, error; from a
// command's to its streams.
//
// Used by `resource.cpp` only. Payloads are spliced from the events as they stand; only text that
// is shown as text is read.
#pragma once

#include <span>
#include <string>

#include "protocol/buffer.hpp"

namespace protocol {

struct shown_outputs {
  std::string outputs = "[]";  ///< JSON: nbformat v4
  std::string images = "[]";   ///< JSON: {mime, data}, base64
  std::string error = "null";  ///< JSON: {ename, evalue, traceback}, of the last error
  std::string text;            ///< stdout, stderr and text results in order, without ANSI codes
};

shown_outputs collect_outputs(std::span<const buffer> events);

/// What a command printed. A terminal's is in `out`.
struct shown_streams {
  std::string out = "\"\"";  ///< JSON: a string
  std::string err = "\"\"";  ///< JSON: a string
  std::string text;          ///< both in order, without ANSI codes
};

shown_streams collect_printed(std::span<const buffer> events);

}  // namespace protocol
