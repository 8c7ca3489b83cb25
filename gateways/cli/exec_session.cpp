#include "gateways/cli/exec_session.hpp"

#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

namespace gateways::cli {
namespace {

/// So that a request which is sent again after a drop does not run the code twice.
std::string fresh_key() {
  std::random_device source;
  std::string key = "cli";
  for (int i = 0; i < 4; ++i) key += "-" + std::to_string(source());
  return key;
}

}  // namespace

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

exec_session::exec_session(const http_client& daemon, run_kind kind, request first,
                           printer_options shown)
    : follower(daemon),
      kind_(kind),
      first_(std::move(first)),
      printer_(std::move(shown), std::cout, std::cerr) {
  first_.headers["Idempotency-Key"] = fresh_key();
}

exec_session::~exec_session() = default;

int exec_session::run() {
  if (const auto code = follow(); code != exit_ok) return code;
  return printer_.ended() ? printer_.exit_code() : exit_interrupted;
}

request exec_session::next_request() {
  if (id_.empty()) return first_;
  return {.target = kind_.path + id_ + "/events?from=" + std::to_string(printer_.last() + 1),
          .accept = first_.accept};
}

void exec_session::on_header(const response& header) {
  follower::on_header(header);
  if (id_.empty()) id_ = header.header(kind_.id_header);
  if (interrupts_ > 0) cancel();
}

void exec_session::on_line(std::string_view line) {
  printer_.show(line);
  if (!std::cout) {  // nobody reads the output any more
    cancel();
    abandoned_ = true;
  }
  if (!printer_.prompt().open) return;
  if (printer_.prompt().password && !silent_) silent_ = std::make_unique<silent_terminal>();
  answer_prompt();
}

/// The first asks it to stop, which is told as its end; the second leaves.
void exec_session::on_interrupt() {
  if (++interrupts_ > 1) abandoned_ = true;
  cancel();
}

void exec_session::cancel() {
  if (!id_.empty()) (void)daemon().send({.method = "DELETE", .target = kind_.path + id_});
}

std::vector<side_input> exec_session::side_inputs() {
  auto sides = follower::side_inputs();
  if (printer_.prompt().open) sides.push_back({STDIN_FILENO, [this] { read_input(); }});
  return sides;
}

void exec_session::read_input() {
  char bytes[4096];
  const auto count = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (count <= 0)
    input_ += "\x04\n";  // what a Jupyter kernel takes for the end of input
  else
    input_.append(bytes, static_cast<std::size_t>(count));
  answer_prompt();
}

void exec_session::answer_prompt() {
  const auto end = input_.find('\n');
  if (end == std::string::npos) return;
  const nlohmann::json value{{"value", input_.substr(0, end)}};
  input_.erase(0, end + 1);
  printer_.prompt_answered();
  silent_.reset();
  post("stdin", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

transport_result<response> exec_session::ask(const char* what, const std::string& body) const {
  return daemon().send({.method = "POST", .target = kind_.path + id_ + "/" + what, .body = body});
}

void exec_session::post(const char* what, const std::string& body) const {
  if (id_.empty()) return;
  const auto answer = ask(what, body);
  if (answer && !answer->ok()) std::cerr << "troupe: " << explain(*answer).text << '\n';
}

}  // namespace gateways::cli
