// Contents of the Jupyter messages that Troupe itself writes or reads.
//
// All others pass through as bytes. Readers are lenient about members they do not need, since
// kernels add some; what they need and do not find is `malformed_request`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/execution.hpp"

namespace protocol::jupyter {

/// `stop_on_error` is always sent as false: one execution is sent at a time, and a kernel that
/// aborts its queue after an error would abort the next one.
std::string execute_content(const execution_request& r);
std::string kernel_info_content();
std::string shutdown_content(bool restart);
std::string input_reply_content(std::string_view value);

struct execute_reply {
  std::string status;                   ///< "ok", "error" or "aborted"
  std::int64_t execution_count = 0;     ///< 0: the kernel did not say
  std::string user_expressions = "{}";  ///< a JSON object's text
  std::string ename;                    ///< these three for "error"
  std::string evalue;
  std::vector<std::string> traceback;
};
result<execute_reply> read_execute_reply(std::string_view content);

/// "busy", "idle", "starting" …; empty when the content is not that of a `status`.
std::string read_status(std::string_view content);

/// The count an `execute_input` tells; 0 when it tells none.
std::int64_t read_execution_count(std::string_view content);

struct stream_text {
  std::string name;  ///< "stdout" or "stderr"
  std::string text;
};
result<stream_text> read_stream(std::string_view content);

}  // namespace protocol::jupyter
