// Where the daemon is and how to be let in: TROUPE_URL and TROUPE_TOKEN, else the data dir.
//
// Used by every command that asks a daemon. A refusal is a sentence with the exit code that fits.
#pragma once

#include <string>
#include <variant>

#include "gateways/cli/http_client.hpp"

namespace gateways::cli {

/// Exit codes that scripts may rely on.
enum exit_code : int {
  exit_ok = 0,
  exit_raised = 1,       ///< the code raised an error
  exit_usage = 2,        ///< the command line, the configuration or the request is wrong
  exit_unreachable = 3,  ///< no daemon, or one that cannot serve now
  exit_time_limit = 124,
  exit_interrupted = 130,
  exit_died = 137,  ///< killed by a limit, or the kernel died
};

struct refusal {
  exit_code code = exit_unreachable;
  std::string text;
};

/// `data_dir` is the flag's value; it wins over the variables. Empty: not given.
std::variant<http_client, refusal> find_daemon(const std::string& data_dir);

/// What an answer that is not 2xx means, as "TITLE: DETAIL (code, request X)".
refusal explain(const response& answer);
refusal explain(const transport_error& error, const http_client& client);

}  // namespace gateways::cli
