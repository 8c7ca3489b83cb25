// All decisions of one command: its output and its end.
//
// Pure: no clock, I/O, randomness or actor inside. One a command, owned by the commands actor,
// which turns messages into events, steps the machine, and runs the effects in the order given.
// Invariants: exactly one `finish`, and nothing but refusals after it; events are numbered from 1
// without gaps, the last number being that of `ended`; from `start` on some deadline or the process
// ends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/kernel/output_bound.hpp"
#include "actors/moment.hpp"
#include "protocol/commands.hpp"
#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/text.hpp"

namespace actors {

enum class command_deadline : std::uint8_t {
  time,   ///< it must end, or it is asked to
  grace,  ///< having been asked, it must have ended, or it is killed
  kill,   ///< the killed process must be gone, or it is given up
};
inline constexpr std::size_t command_deadlines = 3;

namespace command_event {
struct start {};
struct start_failed {
  std::string why;
};
struct printed {
  protocol::command_stream on;
  protocol::buffer bytes;
};
struct took_input {
  std::uint64_t bytes;
};
struct exited {
  int exit_code = -1;
  int signal = 0;
  std::uint64_t memory_bytes =
      0;  ///< used when the system killed at the memory limit; 0: it did not
  protocol::usage used{};
};
struct cancel {};
struct input_given {
  std::string text;
  bool last = false;
};
struct resized {
  std::uint64_t rows;
  std::uint64_t columns;
};
struct stop {
  protocol::execution_status status;
  protocol::cause why;
};
/// Its sandbox, or it alone, is over a limit.
struct limit_exceeded {
  protocol::execution_status status;
  protocol::cause why;
};
struct spill_refused {
  std::string why;
};
struct deadline_passed {
  command_deadline which;
  std::uint64_t token;
};
}  // namespace command_event

using command_input =
    std::variant<command_event::start, command_event::start_failed, command_event::printed,
                 command_event::took_input, command_event::exited, command_event::cancel,
                 command_event::input_given, command_event::resized, command_event::stop,
                 command_event::limit_exceeded, command_event::spill_refused,
                 command_event::deadline_passed>;

namespace command_effect {
struct start_process {};
struct terminate_process {};
struct kill_process {};
struct write_input {
  std::string text;
  bool last;
};
struct resize {
  std::uint64_t rows;
  std::uint64_t columns;
};
/// The request was not accepted. The only effect of its event.
struct refuse {
  protocol::fault f;
};
struct emit {
  std::uint64_t n;
  std::string type;
  protocol::buffer data;
};
/// The end; its event `ended` has the number `record.last_event`.
struct finish {
  protocol::execution_record record;
};
/// Output that was cut, for the command's file.
struct spill {
  std::string path;
  protocol::buffer bytes;
};
struct set_deadline {
  command_deadline which;
  std::uint64_t token;
  std::int64_t after_ms;
};
}  // namespace command_effect

using command_output =
    std::variant<command_effect::start_process, command_effect::terminate_process,
                 command_effect::kill_process, command_effect::write_input, command_effect::resize,
                 command_effect::refuse, command_effect::emit, command_effect::finish,
                 command_effect::spill, command_effect::set_deadline>;

/// The part of the settings that decides.
struct command_rules {
  protocol::limits limit;
  std::uint64_t spill_bytes = 1 << 30;
  std::int64_t kill_grace_ms = 2'000;
};

class command_machine {
 public:
  /// Input that was given but not yet taken by the process.
  static constexpr std::uint64_t input_bytes_max = 1 << 20;

  command_machine(const protocol::execution_request& request, command_rules rules);

  std::vector<command_output> step(command_input in, moment now);
  const protocol::execution_record& record() const noexcept { return record_; }

 private:
  enum class stop_reason : std::uint8_t { none, timeout, cancelled, output_limit, stopped };

  void on(command_event::start&);
  void on(command_event::start_failed&);
  void on(command_event::printed&);
  void on(command_event::took_input&);
  void on(command_event::exited&);
  void on(command_event::cancel&);
  void on(command_event::input_given&);
  void on(command_event::resized&);
  void on(command_event::stop&);
  void on(command_event::limit_exceeded&);
  void on(command_event::spill_refused&);
  void on(command_event::deadline_passed&);

  void take_text(protocol::command_stream on, std::string_view text);
  void ask_to_end(stop_reason reason, std::string_view word);
  void kill(std::string_view word);
  void conclude(const command_event::exited& how);
  void finish(protocol::execution_status status, protocol::cause why);
  protocol::cause cause_of_stop() const;
  void emit(std::string_view type, protocol::buffer data);
  void refuse(protocol::error_code code, std::string detail);
  void arm(command_deadline which, std::int64_t after_ms);
  bool ended() const noexcept { return record_.state == protocol::execution_state::ended; }
  template <class Effect>
  void out(Effect e) {
    out_.emplace_back(std::move(e));
  }

  command_rules rules_;
  protocol::execution_record record_;
  const std::int64_t timeout_ms_;
  const bool terminal_;
  std::string input_;  ///< for its start
  bool takes_input_;
  std::uint64_t input_bytes_;  ///< given and not yet taken
  output_bound output_;
  protocol::utf8_joiner text_[3];  ///< by stream
  stop_reason stop_ = stop_reason::none;
  command_event::stop stopped_{};
  std::uint64_t next_n_ = 1;
  double began_ms_ = 0;
  std::uint64_t armed_[command_deadlines] = {};
  std::uint64_t last_token_ = 0;
  moment now_;
  std::vector<command_output> out_;
};

}  // namespace actors
