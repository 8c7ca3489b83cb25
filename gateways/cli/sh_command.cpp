// `troupe sh`: a command runs in a sandbox; its streams and its exit code are those of ours.
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <memory>
#include <variant>

#include "gateways/cli/cli.hpp"
#include "gateways/cli/duration.hpp"
#include "gateways/cli/exec_session.hpp"
#include "protocol/text.hpp"

namespace gateways::cli {
namespace {

using nlohmann::json;

struct sh_arguments {
  std::vector<std::string> words;
  std::string sandbox = "default";
  std::string timeout;
  std::string cwd;
  std::string data_dir;
  bool json = false;
};

int refuse(const refusal& why) {
  std::cerr << "troupe: " << why.text << '\n';
  return why.code;
}

std::string text_of(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

json size_of_terminal() {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return {{"rows", 24}, {"columns", 80}};
  return {{"rows", size.ws_row}, {"columns", size.ws_col}};
}

/// Keys go through as they are typed while this lives.
class raw_terminal {
 public:
  raw_terminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    auto raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  ~raw_terminal() { ::tcsetattr(STDIN_FILENO, TCSANOW, &before_); }
  raw_terminal(const raw_terminal&) = delete;
  raw_terminal& operator=(const raw_terminal&) = delete;

 private:
  termios before_{};
};

/// SIGWINCH as a descriptor.
class resize_source {
 public:
  resize_source() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~resize_source() { ::close(fd_); }
  resize_source(const resize_source&) = delete;
  resize_source& operator=(const resize_source&) = delete;

  int fd() const noexcept { return fd_; }
  void consume() noexcept {
    signalfd_siginfo info;
    [[maybe_unused]] const auto n = ::read(fd_, &info, sizeof info);
  }

 private:
  int fd_ = -1;
};

/// A shell at our terminal: what is typed goes there, the size follows ours.
class terminal_session final : public exec_session {
 public:
  using exec_session::exec_session;

 private:
  std::vector<side_input> side_inputs() override {
    auto sides = exec_session::side_inputs();
    sides.push_back({resizes_.fd(), [this] {
                       resizes_.consume();
                       post("resize", text_of(size_of_terminal()));
                     }});
    if (reads_ && begun()) sides.push_back({STDIN_FILENO, [this] { forward(); }});
    return sides;
  }

  void forward() {
    char bytes[4096];
    const auto count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    reads_ = count > 0;
    if (!reads_) return post("stdin", text_of({{"value", ""}, {"close", true}}));
    const auto typed = typed_.add({bytes, static_cast<std::size_t>(count)});
    if (!typed.empty()) post("stdin", text_of({{"value", typed}}));
  }

  raw_terminal raw_;
  resize_source resizes_;
  protocol::utf8_joiner typed_;  ///< a character may come in two reads
  bool reads_ = true;
};

/// The body of the request, or why there is none.
std::variant<json, refusal> body_of(const sh_arguments& given, bool at_terminal) {
  json body = json::object();
  if (!given.cwd.empty()) body["cwd"] = given.cwd;
  if (!given.timeout.empty()) {
    const auto limit_s = parse_duration_s(given.timeout);
    if (!limit_s)
      return refusal{exit_usage, "--timeout: `" + given.timeout + "` is not like 30s, 500ms or 2m"};
    body["timeout_s"] = *limit_s;
  }
  const bool script = given.words.empty() || (given.words.size() == 1 && given.words[0] == "-");
  if (at_terminal) {
    body.update(size_of_terminal());
    body["command"] = "exec \"$0\" -i";
    body["pty"] = body["background"] = true;
  } else if (script) {
    body["command"] = std::string(std::istreambuf_iterator<char>(std::cin), {});
  } else if (given.words.size() == 1) {
    body["command"] = given.words[0];
  } else {
    body["argv"] = given.words;
  }
  return body;
}

int run_command(const sh_arguments& given) {
  if (!given.words.empty() && given.words[0].size() > 1 && given.words[0].starts_with("-"))
    return refuse({exit_usage, "sh: there is no option " + given.words[0]});
  const bool at_terminal =
      given.words.empty() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  const auto body = body_of(given, at_terminal);
  if (const auto* why = std::get_if<refusal>(&body)) return refuse(*why);
  const auto found = find_daemon(given.data_dir);
  if (const auto* why = std::get_if<refusal>(&found)) return refuse(*why);
  const auto& daemon = std::get<http_client>(found);
  request first{.method = "POST",
                .target = "/v1/sandboxes/" + path_segment(given.sandbox) + "/commands",
                .body = text_of(std::get<json>(body)),
                .accept = "application/x-ndjson"};
  printer_options shown{.json = given.json};
  if (at_terminal)
    return terminal_session(daemon, command_runs, std::move(first), std::move(shown)).run();
  return exec_session(daemon, command_runs, std::move(first), std::move(shown)).run();
}

}  // namespace

void add_sh(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("sh", "Run a command in a sandbox and show its output");
  auto given = std::make_shared<sh_arguments>();
  command->footer(
      "After the options: [COMMAND | PROGRAM ARGUMENT... | -]\n"
      "One word is run by the shell, several are a program and its arguments; - reads a script\n"
      "from standard input. Without any, at a terminal, a shell is opened there.");
  command->add_option("--sandbox", given->sandbox, "Its id [default]")->type_name("SANDBOX");
  command->add_option("--timeout", given->timeout, "Time limit, such as 30s, 500ms or 2m [30s]")
      ->type_name("DURATION");
  command->add_option("--cwd", given->cwd, "Folder, relative to the workspace")->type_name("DIR");
  command->add_flag("--json", given->json, "Print the events, one JSON object a line");
  add_data_dir(*command, given->data_dir);
  command->prefix_command();  // what follows the first word is the command's own
  command->callback([&chosen, command, given] {
    given->words = command->remaining();
    chosen = [given] { return run_command(*given); };
  });
}

}  // namespace gateways::cli
