// The command line: `troupe serve` and the commands that ask a running daemon.
//
// Each command is one `add_…` function: it declares its arguments on the parser and leaves, in
// `chosen`, what is to be done once the whole line is known to be right. Exit codes are in
// daemon.hpp, for users in docs/troupe.1.
#pragma once

#include <functional>
#include <string>

#include "config/load.hpp"

namespace CLI {
class App;
}

namespace gateways::cli {

/// Runs the daemon with these settings until it ends; its exit code. Throws std::runtime_error with
/// one line for the user when it cannot be started.
using serve_function = std::function<int(const config::loaded&)>;

/// The whole program; its exit code. `serve` is called at most once, on this thread.
int run(int argc, char** argv, const serve_function& serve);

/// Declares all commands on `app`; what the parsed line asks for is left in `chosen`.
void declare(CLI::App& app, const serve_function& serve, std::function<int()>& chosen);

void add_serve(CLI::App& app, const serve_function& serve, std::function<int()>& chosen);
void add_config(CLI::App& app, std::function<int()>& chosen);
void add_exec(CLI::App& app, std::function<int()>& chosen);
void add_run(CLI::App& app, std::function<int()>& chosen);
void add_sh(CLI::App& app, std::function<int()>& chosen);
void add_lists(CLI::App& app, std::function<int()>& chosen);
void add_status(CLI::App& app, std::function<int()>& chosen);
void add_events(CLI::App& app, std::function<int()>& chosen);
void add_doctor(CLI::App& app, std::function<int()>& chosen);
void add_completion(CLI::App& app, std::function<int()>& chosen);

/// The flag that all commands share which ask a daemon.
void add_data_dir(CLI::App& command, std::string& data_dir);

}  // namespace gateways::cli
