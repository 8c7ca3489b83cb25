// The commands actor: turns messages into events of command machines and runs their effects.
//
// One a sandbox, owned by its sandbox's child set. Owns the processes through one command_port a
// command (destroying the actor kills them) and the event logs until they are on disk. Talks to its
// followers, the journal, the workspace and the limiter. Invariants: at most
// `command.max_per_sandbox` processes at once; `ended` is sent to followers only when the journal
// has answered, or let its deadline pass.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/command/command_machine.hpp"
#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/kernel/deadline_set.hpp"

namespace actors {

struct commands_args {
  std::string sandbox_id;
  std::string workspace;
  protocol::limits limit;
};

class commands_state {
 public:
  static inline const char* name = "commands";
  commands_state(commands_actor::stateful_pointer<commands_state> self) : self_(self) {}
  commands_actor::behavior_type make_behavior(const env& e, commands_args args);

 private:
  /// One command, from its acceptance until its end is on disk.
  struct command {
    std::unique_ptr<command_machine> machine;
    std::unique_ptr<command_port> port;
    command_start start;
    std::shared_ptr<const process_watch> processes;  ///< from its start on
    protocol::execution_record record;
    std::vector<protocol::buffer> events;  ///< all, from number 1
    std::size_t told = 0;                  ///< how many the followers have
    std::size_t journalled = 0;            ///< how many the journal has
    bool changed = true;                   ///< the journal has not this `record` yet
    std::vector<follower_actor> followers;
    std::size_t spilling = 0;            ///< pieces of cut output on their way to its file
    std::uint64_t spilling_bytes = 0;    ///< in those pieces
    std::uint64_t unconsumed_bytes = 0;  ///< not yet handed back to the port
    bool ended = false;       ///< `record` is final; told once the file and the journal have it
    bool committing = false;  ///< its file is whole, the journal has been asked
  };

  struct deadline_of {
    std::string command_id;
    command_deadline which;
    auto operator<=>(const deadline_of&) const = default;
  };

  void prepare(const env& e, commands_args args);
  caf::result<protocol::execution_record> accept(protocol::execution_request& r,
                                                 const follower_actor& to);
  caf::result<protocol::execution_record> follow(const protocol::follow_execution& f,
                                                 const follower_actor& to);
  caf::result<protocol::execution_record> ask(const std::string& id, command_input in);
  caf::result<protocol::done> stop(const protocol::stop_commands& x);
  void exceeded(const protocol::limit_exceeded& x);
  command_start start_of(const protocol::execution_request& r) const;
  command* find(const std::string& id);
  void step(const std::string& id, command_input in);
  void printed(const protocol::command_printed& x);
  /// The command may be gone afterwards.
  void run(command& c, std::vector<command_output> effects);
  void run(command& c, command_effect::start_process&) { c.port->start(std::move(c.start)); }
  void run(command& c, command_effect::terminate_process&) { c.port->terminate(); }
  void run(command& c, command_effect::kill_process&) { c.port->kill(); }
  void run(command& c, command_effect::write_input& x) { c.port->write(std::move(x.text), x.last); }
  void run(command& c, command_effect::resize& x) { c.port->resize(x.rows, x.columns); }
  void run(command&, command_effect::refuse&) {}  // answered by the handler that asked
  void run(command& c, command_effect::emit& x);
  void run(command& c, command_effect::finish& x);
  void run(command& c, command_effect::spill& x);
  void run(command& c, command_effect::set_deadline& x);
  void look_at_deadlines();
  void set_timer(std::optional<std::int64_t> after_ms);
  void spill_settled(const std::string& id, std::uint64_t bytes, std::string why);
  void consume(command& c, std::uint64_t bytes);
  void tell(command& c);
  void journal_soon();
  void fill_journal();
  void announce(const char* type, const protocol::execution_record& r);
  void commit(command& c);
  void told_end(const std::string& id);
  void end_leftover(protocol::execution_record record);
  void publish();
  void leave_when_told();
  std::size_t running() const;
  moment now() const;

  commands_actor::stateful_pointer<commands_state> self_;
  const env* env_ = nullptr;
  commands_args args_;
  std::map<std::string, command> commands_;
  deadline_set<deadline_of> deadlines_;  ///< of those that run
  std::vector<caf::typed_response_promise<protocol::done>> stops_;
  bool stopping_ = false;
  bool journal_due_ = false;
};

commands_actor::behavior_type commands(commands_actor::stateful_pointer<commands_state> self,
                                       const env* e, commands_args args);

}  // namespace actors
