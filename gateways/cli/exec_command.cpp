// `troupe exec` and `troupe run`: code goes to a kernel, its output comes back as it is made.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "gateways/cli/cli.hpp"
#include "gateways/cli/duration.hpp"
#include "gateways/cli/exec_session.hpp"

namespace gateways::cli {
namespace {

struct exec_arguments {
  std::string code;  ///< of `run`: the file's name
  std::string sandbox = "default";
  std::string kernel = "main";
  std::string timeout;
  std::string out_dir = ".";
  std::string data_dir;
  bool json = false;
};

int refuse(const refusal& why) {
  std::cerr << "troupe: " << why.text << '\n';
  return why.code;
}

/// `code_from_stdin`: then the code has no standard input left.
int execute(const exec_arguments& given, const std::string& code, bool code_from_stdin) {
  nlohmann::json body{
      {"code", code}, {"kernel_id", given.kernel}, {"allow_stdin", !code_from_stdin}};
  if (!given.timeout.empty()) {
    const auto limit_s = parse_duration_s(given.timeout);
    if (!limit_s)
      return refuse(
          {exit_usage, "--timeout: `" + given.timeout + "` is not like 30s, 500ms or 2m"});
    body["timeout_s"] = *limit_s;
  }
  const auto daemon = find_daemon(given.data_dir);
  if (const auto* why = std::get_if<refusal>(&daemon)) return refuse(*why);
  request first{.method = "POST",
                .target = "/v1/sandboxes/" + path_segment(given.sandbox) + "/executions",
                .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                .accept = "application/x-ndjson"};
  printer_options shown{.json = given.json,
                        .colour_out = ::isatty(STDOUT_FILENO) == 1,
                        .colour_err = ::isatty(STDERR_FILENO) == 1,
                        .out_dir = given.out_dir};
  return exec_session(std::get<http_client>(daemon), code_runs, std::move(first), std::move(shown))
      .run();
}

int exec_code(const exec_arguments& given) {
  const bool from_stdin = given.code == "-";
  auto code = given.code;
  if (from_stdin) code.assign(std::istreambuf_iterator<char>(std::cin), {});
  return execute(given, code, from_stdin);
}

int run_file(const exec_arguments& given) {
  if (given.code == "-") return exec_code(given);
  std::ifstream file(given.code, std::ios::binary);
  const std::string code(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad())
    return refuse({exit_usage, given.code + ": " + std::strerror(errno)});
  return execute(given, code, false);
}

void add_exec_options(CLI::App& command, exec_arguments& given) {
  command.add_option("--kernel", given.kernel, "Its id [main]")->type_name("KERNEL");
  command.add_option("--sandbox", given.sandbox, "Its id [default]")->type_name("SANDBOX");
  command.add_option("--timeout", given.timeout, "Time limit, such as 30s, 500ms or 2m [30s]")
      ->type_name("DURATION");
  command.add_option("--out", given.out_dir, "Folder for pictures [.]")->type_name("DIR");
  command.add_flag("--json", given.json, "Print the events, one JSON object a line");
  add_data_dir(command, given.data_dir);
}

}  // namespace

void add_exec(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("exec", "Run code in a kernel and show its output");
  auto given = std::make_shared<exec_arguments>();
  given->code = "-";
  command->add_option("CODE", given->code, "Python code; without it, or with -, standard input")
      ->type_name("");
  add_exec_options(*command, *given);
  command->callback([&chosen, given] { chosen = [given] { return exec_code(*given); }; });
}

void add_run(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("run", "Run a file's code in a kernel and show its output");
  auto given = std::make_shared<exec_arguments>();
  command->add_option("FILE", given->code, "File with Python code; - is standard input")
      ->required()
      ->type_name("");
  add_exec_options(*command, *given);
  command->callback([&chosen, given] { chosen = [given] { return run_file(*given); }; });
}

}  // namespace gateways::cli
