// One execution as the command line sees it: begun, followed to its end over dropped connections,
// interrupted by Ctrl-C, its prompts answered from the terminal.
#pragma once

#include <memory>
#include <string>

#include "gateways/cli/event_printer.hpp"
#include "gateways/cli/follower.hpp"

namespace gateways::cli {

/// What tells code from commands at the edge.
struct run_kind {
  const char* path;       ///< of one of them, before its id
  const char* id_header;  ///< of the answer that begins it
};
inline constexpr run_kind code_runs{"/v1/executions/", "troupe-execution-id"};
inline constexpr run_kind command_runs{"/v1/commands/", "troupe-command-id"};

class silent_terminal;

class exec_session : public follower {
 public:
  /// `first` begins it; sent again after a drop, it does not begin another.
  exec_session(const http_client& daemon, run_kind kind, request first, printer_options shown);
  ~exec_session() override;

  /// The exit code.
  int run();

 protected:
  std::vector<side_input> side_inputs() override;
  /// The daemon has accepted it.
  bool begun() const noexcept { return !id_.empty(); }
  /// POSTs `body` to what it runs, once begun.
  transport_result<response> ask(const char* what, const std::string& body) const;
  /// The same; a refusal is told on stderr.
  void post(const char* what, const std::string& body) const;

 private:
  request next_request() override;
  bool over() const override { return printer_.ended() || abandoned_; }
  void on_header(const response& header) override;
  void on_line(std::string_view line) override;
  void on_interrupt() override;
  void cancel();
  void read_input();
  void answer_prompt();

  run_kind kind_;
  request first_;
  event_printer printer_;
  std::string id_;
  std::string input_;  ///< read, but not yet asked for
  std::unique_ptr<silent_terminal> silent_;
  int interrupts_ = 0;
  bool abandoned_ = false;
};

}  // namespace gateways::cli
