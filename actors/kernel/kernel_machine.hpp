// All decisions of a kernel: its process's life, its queue, and the one execution that runs.
//
// Pure: no clock, I/O, randomness or actor inside. Owned by the kernel actor, which turns messages
// into events, steps the machine, and runs the effects in the order they are given.
// Invariants: every accepted execution gets exactly one `finish`, its last effect; its events are
// numbered from 1 without gaps; nothing of a generation that is over changes anything; at most one
// execution is with the kernel at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/kernel/output_bound.hpp"
#include "actors/moment.hpp"
#include "actors/supervision/restart.hpp"
#include "config/config.hpp"
#include "protocol/cause.hpp"
#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/jupyter/message.hpp"
#include "protocol/sandbox.hpp"

namespace actors {

enum class kernel_deadline : std::uint8_t {
  start,      ///< the process must answer
  time,       ///< the running execution must end
  interrupt,  ///< the interrupted execution must end, or the process is killed
  settle,     ///< the kernel is silent, with one of execute_reply and idle missing
  backoff,    ///< the next generation may start
  stop,       ///< the process that was asked to stop must be gone, or it is killed
  kill,       ///< the killed process must be gone, or it is given up
};
inline constexpr std::size_t kernel_deadlines = 7;

namespace kernel_event {
struct start {
  std::uint64_t generation = 1;
};
struct process_started {
  std::uint64_t generation;
  int pid;
  std::string connection_file;
};
struct process_start_failed {
  std::uint64_t generation;
  std::string why;
};
struct answered {
  std::uint64_t generation;
};
struct message {
  std::uint64_t generation;
  protocol::jupyter::message m;
};
struct heartbeat_lost {
  std::uint64_t generation;
  std::uint64_t misses;
};
struct process_exited {
  std::uint64_t generation;
  protocol::cause why;
};
struct drained {
  std::uint64_t generation;
};
struct execute {
  protocol::execution_request request;
};
struct cancel {
  std::string execution_id;
};
struct stdin_given {
  std::string execution_id;
  std::string value;
};
struct interrupt {
  std::string reason;
};
struct restart {};
struct limit_exceeded {
  std::uint64_t generation;
  bool kill;
  protocol::cause why;
};
struct stop {
  protocol::execution_status status;
  protocol::cause why;
};
struct spill_refused {
  std::string execution_id;
  std::string why;
};
struct deadline_passed {
  kernel_deadline which;
  std::uint64_t token;
};
}  // namespace kernel_event

using kernel_input =
    std::variant<kernel_event::start, kernel_event::process_started,
                 kernel_event::process_start_failed, kernel_event::answered, kernel_event::message,
                 kernel_event::heartbeat_lost, kernel_event::process_exited, kernel_event::drained,
                 kernel_event::execute, kernel_event::cancel, kernel_event::stdin_given,
                 kernel_event::interrupt, kernel_event::restart, kernel_event::limit_exceeded,
                 kernel_event::stop, kernel_event::spill_refused, kernel_event::deadline_passed>;

namespace kernel_effect {
/// Apart, so that effects are small: there are several for each message of a kernel.
using record_ptr = std::shared_ptr<protocol::execution_record>;

struct start_process {
  std::uint64_t generation;
};
struct interrupt_process {};
struct kill_process {};
struct drain_link {};
struct send {
  protocol::jupyter::channel on;
  std::string msg_id;
  std::string msg_type;
  std::string content;
};
/// The request was not accepted. The only effect of its event.
struct refuse {
  protocol::fault f;
};
/// An execution was accepted; `record` is how it stands.
struct accept {
  record_ptr record;
};
/// An execution began to run.
struct begin {
  record_ptr record;
};
/// The next event of an execution.
struct emit {
  std::string execution_id;
  std::uint64_t n;
  std::uint64_t generation;
  std::string type;
  protocol::buffer data;
};
/// The end of an execution; its event `ended` has the number `record->last_event`.
struct finish {
  record_ptr record;
};
/// Output that was cut, for the execution's file.
struct spill {
  std::string execution_id;
  std::string path;
  protocol::buffer bytes;
};
/// An event of the node; `members` are JSON members without braces.
struct announce {
  std::string type;
  std::string members;
};
struct set_deadline {
  kernel_deadline which;
  std::uint64_t token;
  std::int64_t after_ms;
};
/// Those who wait for a restart get their answer: the kernel is ready, or `why` says why not.
struct restart_over {
  protocol::cause why;
};
/// The restart policy gave up.
struct exhausted {
  protocol::cause why;
};
/// Ready for the first time, or again after the policy had given up.
struct recovered {};
/// The process is gone and everything has ended: the actor may go.
struct stopped {};
/// Something that clients see has changed.
struct publish {};
}  // namespace kernel_effect

using kernel_output =
    std::variant<kernel_effect::start_process, kernel_effect::interrupt_process,
                 kernel_effect::kill_process, kernel_effect::drain_link, kernel_effect::send,
                 kernel_effect::refuse, kernel_effect::accept, kernel_effect::begin,
                 kernel_effect::emit, kernel_effect::finish, kernel_effect::spill,
                 kernel_effect::announce, kernel_effect::set_deadline, kernel_effect::restart_over,
                 kernel_effect::exhausted, kernel_effect::recovered, kernel_effect::stopped,
                 kernel_effect::publish>;

/// The part of the settings that decides.
struct kernel_rules {
  config::kernel_options kernel;
  std::uint64_t output_bytes = 8 << 20;
  std::uint64_t spill_bytes = 1 << 30;
};

class kernel_machine {
 public:
  kernel_machine(std::string sandbox_id, std::string kernel_id, kernel_rules rules);

  std::vector<kernel_output> step(kernel_input in, moment now);
  /// For the executions that are accepted from now on.
  void bound_output(std::uint64_t bytes) { rules_.output_bytes = bytes; }

  protocol::kernel_view view() const;
  /// Queued and running executions as they stand.
  const protocol::execution_record* find(std::string_view execution_id) const;

 private:
  enum class phase : std::uint8_t { unborn, starting, ready, dying, waiting, failed, stopped };
  enum class stop_reason : std::uint8_t { none, asked, timeout, cancelled, output_limit, quota };
  struct execution {
    protocol::execution_request request;
    protocol::execution_record record;
    output_bound output;
    std::uint64_t next_n = 1;
    double began_ms = 0;
    double heard_ms = 0;         ///< when the kernel last said something about it
    std::int64_t settle_ms = 0;  ///< silence after which the missing half of its end is given up
    bool busy_seen = false;
    bool idle_seen = false;
    bool reply_seen = false;
    bool asks_input = false;
    bool signal_due = false;  ///< interrupt as soon as the kernel is busy with it
    bool killed = false;
    bool for_next = false;  ///< came when the generation was already dying
    stop_reason stop = stop_reason::none;
    protocol::cause quota;  ///< of `stop_reason::quota`
    std::string reply_status;
    std::string ename;
    bool error_seen = false;
  };

  void on(kernel_event::start&);
  void on(kernel_event::process_started&);
  void on(kernel_event::process_start_failed&);
  void on(kernel_event::answered&);
  void on(kernel_event::message&);
  void on(kernel_event::heartbeat_lost&);
  void on(kernel_event::process_exited&);
  void on(kernel_event::drained&);
  void on(kernel_event::execute&);
  void on(kernel_event::cancel&);
  void on(kernel_event::stdin_given&);
  void on(kernel_event::interrupt&);
  void on(kernel_event::restart&);
  void on(kernel_event::limit_exceeded&);
  void on(kernel_event::stop&);
  void on(kernel_event::spill_refused&);
  void on(kernel_event::deadline_passed&);

  bool stale(std::uint64_t generation) const { return generation != generation_; }
  void refuse(protocol::error_code code, std::string detail);
  void begin_generation();
  void dispatch_next();
  void on_iopub(protocol::jupyter::message& m);
  void on_reply(const protocol::jupyter::message& m);
  void take_output(protocol::jupyter::message& m);
  void late_output(const protocol::jupyter::message& m);
  void settle();
  void settle_passed();
  void emit(execution& e, std::string_view type, protocol::buffer data);
  void stop_running(stop_reason reason, std::string_view word);
  void kill_running();
  void complete();
  void finish(execution& e, protocol::execution_status status, protocol::cause why, bool preserved);
  void went_down();
  void end_all(const protocol::cause& why, bool restarting);
  std::pair<protocol::execution_status, protocol::cause> verdict_of_death(
      const execution& e, const protocol::cause& why) const;
  void ask_to_stop(bool restart);
  void kill(protocol::cause why);
  void arm(kernel_deadline which, std::int64_t after_ms);
  void disarm(kernel_deadline which) { armed_[static_cast<std::size_t>(which)] = 0; }
  protocol::cause cause_of(stop_reason reason, const execution& e) const;
  template <class Effect>
  void out(Effect e) {
    out_.emplace_back(std::move(e));
  }

  std::string sandbox_id_;
  std::string kernel_id_;
  kernel_rules rules_;
  phase phase_ = phase::unborn;
  std::uint64_t generation_ = 0;
  std::uint64_t restarts_ = 0;
  int pid_ = 0;
  std::string connection_file_;
  double started_ms_ = 0;
  double ready_ms_ = 0;  ///< 0: not ready in this generation
  double down_ms_ = 0;   ///< when the last generation went down; 0: never
  protocol::unix_ms started_at_ = 0;
  protocol::unix_ms last_activity_ = 0;
  protocol::cause last_cause_;
  protocol::cause pending_cause_;  ///< why we kill it; told instead of the signal
  bool restart_asked_ = false;
  std::optional<kernel_event::stop> stop_asked_;
  restart_history history_;
  std::deque<execution> queue_;
  std::optional<execution> running_;
  std::size_t late_bytes_left_ = 0;  ///< of what is printed after the last execution's end
  std::uint64_t armed_[kernel_deadlines] = {};
  std::uint64_t last_token_ = 0;
  moment now_;
  std::vector<kernel_output> out_;
};

}  // namespace actors
