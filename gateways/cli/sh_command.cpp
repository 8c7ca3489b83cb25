// `troupe sh`: a command runs in a sandbox; its streams and its exit code are those of ours.
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
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

/// A short pause as a descriptor.
class pause_source {
 public:
  pause_source() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}
  ~pause_source() { ::close(fd_); }
  pause_source(const pause_source&) = delete;
  pause_source& operator=(const pause_source&) = delete;

  int fd() const noexcept { return fd_; }
  /// It can be read in 50 ms, and not before.
  void begin() noexcept {
    const itimerspec once{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 50'000'000}};
    ::timerfd_settime(fd_, 0, &once, nullptr);
  }

 private:
  int fd_ = -1;
};

/// A command whose standard input is ours, to its end.
class input_session : public exec_session {
 public:
  using exec_session::exec_session;

 protected:
  std::vector<side_input> side_inputs() override {
    auto sides = exec_session::side_inputs();
    if (!reads_ || !begun()) return sides;
    if (held_.empty())
      sides.push_back({STDIN_FILENO, [this] { forward(); }});
    else
      sides.push_back({pause_.fd(), [this] { give(); }});
    return sides;
  }

 private:
  void forward() {
    char bytes[1 << 16];
    const auto count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    last_ = count <= 0;
    const auto text = last_ ? text_.finish() : text_.add({bytes, static_cast<std::size_t>(count)});
    if (text.empty() && !last_) return;
    held_ = text_of({{"value", text}, {"close", last_}});
    give();
  }

  void give() {
    const auto answer = ask("stdin", held_);
    if (answer && answer->status == too_much_waits) return pause_.begin();
    held_.clear();
    reads_ = !last_ && answer && answer->ok();
    if (!answer)
      std::cerr << "troupe: standard input: " << explain(answer.error(), daemon()).text << '\n';
    else if (!answer->ok() && answer->status != reads_no_more)
      std::cerr << "troupe: standard input: " << explain(*answer).text << '\n';
  }

  static constexpr int too_much_waits = 429, reads_no_more = 409;

  protocol::utf8_joiner text_;  ///< a character may come in two reads
  std::string held_;            ///< read, but the command has not taken what came before
  pause_source pause_;
  bool last_ = false;
  bool reads_ = true;
};

/// A shell at our terminal: what is typed goes there, the size follows ours.
class terminal_session final : public input_session {
 public:
  using input_session::input_session;

 private:
  std::vector<side_input> side_inputs() override {
    auto sides = input_session::side_inputs();
    sides.push_back({resizes_.fd(), [this] {
                       resizes_.consume();
                       post("resize", text_of(size_of_terminal()));
                     }});
    return sides;
  }

  raw_terminal raw_;
  resize_source resizes_;
};

/// Something may come on our standard input: it is no terminal, whose keys are ours, nor /dev/null.
bool input_is_given() {
  struct stat input {};
  if (::fstat(STDIN_FILENO, &input) != 0 || ::isatty(STDIN_FILENO) == 1) return false;
  struct stat null {};
  return ::stat("/dev/null", &null) != 0 || !S_ISCHR(input.st_mode) ||
         input.st_rdev != null.st_rdev;
}

/// What our standard input is for.
enum class input_use : std::uint8_t { none, keys, script, data };

input_use use_of_input(const std::vector<std::string>& words) {
  if (words.empty() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1)
    return input_use::keys;
  if (words.empty() || (words.size() == 1 && words[0] == "-")) return input_use::script;
  return input_is_given() ? input_use::data : input_use::none;
}

constexpr const char* no_command =
    "sh: no command; give one, or a script on standard input, or open a shell at a terminal";

/// The body of the request, or why there is none.
std::variant<json, refusal> body_of(const sh_arguments& given, input_use input) {
  json body = json::object();
  if (!given.cwd.empty()) body["cwd"] = given.cwd;
  if (!given.timeout.empty()) {
    const auto limit_s = parse_duration_s(given.timeout);
    if (!limit_s)
      return refusal{exit_usage, "--timeout: `" + given.timeout + "` is not like 30s, 500ms or 2m"};
    body["timeout_s"] = *limit_s;
  }
  if (input == input_use::keys) {
    body.update(size_of_terminal());
    body["command"] = "exec \"$0\" -i";
    body["pty"] = body["background"] = true;
  } else if (input == input_use::script) {
    body["command"] = std::string(std::istreambuf_iterator<char>(std::cin), {});
  } else if (given.words.size() == 1) {
    body["command"] = given.words[0];
  } else {
    body["argv"] = given.words;
  }
  if (body.value("command", "-").empty()) return refusal{exit_usage, no_command};
  if (input == input_use::data) body["keep_stdin"] = true;
  return body;
}

/// Of words that belong to the command the parser knows nothing.
class sh_formatter final : public CLI::Formatter {
  std::string make_usage(const CLI::App*, std::string name) const override {
    return "Usage: " + name +
           " [OPTIONS] [COMMAND | PROGRAM ARGUMENT... | -]\n"
           "Options come first: all that follows the first word belongs to the command.\n";
  }
};

int run_command(const sh_arguments& given) {
  if (!given.words.empty() && given.words[0].size() > 1 && given.words[0].starts_with("-"))
    return refuse({exit_usage, "sh: there is no option " + given.words[0]});
  const auto input = use_of_input(given.words);
  const auto body = body_of(given, input);
  if (const auto* why = std::get_if<refusal>(&body)) return refuse(*why);
  const auto found = find_daemon(given.data_dir);
  if (const auto* why = std::get_if<refusal>(&found)) return refuse(*why);
  const auto& daemon = std::get<http_client>(found);
  request first{.method = "POST",
                .target = "/v1/sandboxes/" + path_segment(given.sandbox) + "/commands",
                .body = text_of(std::get<json>(body)),
                .accept = "application/x-ndjson"};
  printer_options shown{.json = given.json};
  if (input == input_use::keys)
    return terminal_session(daemon, command_runs, std::move(first), std::move(shown)).run();
  if (input == input_use::data)
    return input_session(daemon, command_runs, std::move(first), std::move(shown)).run();
  return exec_session(daemon, command_runs, std::move(first), std::move(shown)).run();
}

}  // namespace

void add_sh(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("sh", "Run a command in a sandbox and show its output");
  auto given = std::make_shared<sh_arguments>();
  command->formatter(std::make_shared<sh_formatter>());
  command->footer(
      "One word is run by the shell, several are a program and its arguments; - reads a script\n"
      "from standard input. Without any, at a terminal, a shell is opened there. What is piped to\n"
      "a command is its standard input, as text.");
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
