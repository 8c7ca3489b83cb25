// Shows the events of an execution to a person: output as it comes, pictures as files, its end.
//
// Fed with the lines of an event stream in any order of reconnects: what was seen is skipped.
// Knows nothing of the connection; the session asks it afterwards what is still to be done.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace gateways::cli {

struct printer_options {
  bool json = false;          ///< print the events as they came
  bool colour_out = false;    ///< keep ANSI codes in results
  bool colour_err = false;    ///< keep ANSI codes in tracebacks
  std::string out_dir = ".";  ///< of pictures; made when the first comes
};

/// The code has asked for a line of input.
struct input_prompt {
  bool open = false;
  bool password = false;
};

class event_printer {
 public:
  event_printer(printer_options options, std::ostream& out, std::ostream& err);

  void show(std::string_view line);

  std::uint64_t last() const noexcept { return last_; }  ///< number of the last event seen
  bool ended() const noexcept { return !status_.empty(); }
  const std::string& status() const noexcept { return status_; }
  /// Of the program, once ended: a command's own, if nothing but itself ended it.
  int exit_code() const noexcept;

  const input_prompt& prompt() const noexcept { return prompt_; }
  void prompt_answered() noexcept { prompt_.open = false; }

 private:
  void show_event(const std::string& type, const nlohmann::json& event);
  void show_bundle(const nlohmann::json& data, const nlohmann::json& event);
  void show_error(const nlohmann::json& data);
  void show_end(const nlohmann::json& data);
  void take_own_code(const nlohmann::json& data);
  bool save_picture(const nlohmann::json& bundle, const nlohmann::json& event);
  void note(const std::string& text);

  printer_options options_;
  std::ostream& out_;
  std::ostream& err_;
  std::uint64_t last_ = 0;
  std::string status_;
  bool over_quota_ = false;
  std::optional<int> own_code_;  ///< of a command, as a shell would tell it
  input_prompt prompt_;
};

/// The text without ANSI escape sequences.
std::string without_ansi(std::string_view text);

/// The number of a signal by its name ("SIGKILL"); 0: none is called so.
int signal_of(const std::string& name);

/// 0, 1, 124, 130 or 137, as docs/troupe.1 lists them.
int exit_code_of(std::string_view status) noexcept;

}  // namespace gateways::cli
