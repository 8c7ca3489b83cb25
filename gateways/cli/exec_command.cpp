// `troupe exec` and `troupe run`: code goes to a kernel, its output comes back as it is made.
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>

#include "gateways/cli/cli.hpp"
#include "gateways/cli/duration.hpp"
#include "gateways/cli/event_printer.hpp"
#include "gateways/cli/follower.hpp"

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

/// Typed characters are not shown while this lives.
class silent_terminal {
 public:
  silent_terminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &silent) == 0;
  }
  ~silent_terminal() {
    if (!changed_) return;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    std::cerr << '\n';
  }
  silent_terminal(const silent_terminal&) = delete;
  silent_terminal& operator=(const silent_terminal&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

/// So that a request which is sent again after a drop does not run the code twice.
std::string fresh_key() {
  std::random_device source;
  std::string key = "cli";
  for (int i = 0; i < 4; ++i) key += "-" + std::to_string(source());
  return key;
}

class exec_session final : public follower {
 public:
  exec_session(const http_client& daemon, request first, printer_options shown)
      : follower(daemon),
        first_(std::move(first)),
        printer_(std::move(shown), std::cout, std::cerr) {
    first_.headers["Idempotency-Key"] = fresh_key();
  }

  int run() {
    if (const auto code = follow(); code != exit_ok) return code;
    return printer_.ended() ? printer_.exit_code() : exit_interrupted;
  }

 private:
  request next_request() override {
    if (id_.empty()) return first_;
    return {
        .target = "/v1/executions/" + id_ + "/events?from=" + std::to_string(printer_.last() + 1),
        .accept = first_.accept};
  }

  bool over() const override { return printer_.ended() || abandoned_; }

  void on_header(const response& header) override {
    follower::on_header(header);
    if (id_.empty()) id_ = header.header("troupe-execution-id");
    if (interrupts_ > 0) cancel();
  }

  void on_line(std::string_view line) override {
    printer_.show(line);
    if (!std::cout) {  // nobody reads the output any more
      cancel();
      abandoned_ = true;
    }
    if (!printer_.prompt().open) return;
    if (printer_.prompt().password && !silent_) silent_ = std::make_unique<silent_terminal>();
    answer_prompt();
  }

  /// The first asks the kernel to stop, which is told as the execution's end; the second leaves.
  void on_interrupt() override {
    if (++interrupts_ > 1) abandoned_ = true;
    cancel();
  }

  void cancel() {
    if (!id_.empty()) (void)daemon().send({.method = "DELETE", .target = "/v1/executions/" + id_});
  }

  std::vector<side_input> side_inputs() override {
    auto sides = follower::side_inputs();
    if (printer_.prompt().open) sides.push_back({STDIN_FILENO, [this] { read_input(); }});
    return sides;
  }

  void read_input() {
    char bytes[4096];
    const auto count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count <= 0)
      input_ += "\x04\n";  // what a Jupyter kernel takes for the end of input
    else
      input_.append(bytes, static_cast<std::size_t>(count));
    answer_prompt();
  }

  void answer_prompt() {
    const auto end = input_.find('\n');
    if (end == std::string::npos) return;
    const nlohmann::json value{{"value", input_.substr(0, end)}};
    input_.erase(0, end + 1);
    printer_.prompt_answered();
    silent_.reset();
    const auto answer = daemon().send(
        {.method = "POST",
         .target = "/v1/executions/" + id_ + "/stdin",
         .body = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
    if (answer && !answer->ok()) std::cerr << "troupe: " << explain(*answer).text << '\n';
  }

  request first_;
  event_printer printer_;
  std::string id_;
  std::string input_;  ///< read, but not yet asked for
  std::unique_ptr<silent_terminal> silent_;
  int interrupts_ = 0;
  bool abandoned_ = false;
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
  return exec_session(std::get<http_client>(daemon), std::move(first), std::move(shown)).run();
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
  command->add_option("CODE", given->code, "Python code; - reads it from standard input")
      ->required()
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
