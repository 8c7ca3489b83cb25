// The kernel actor: turns messages into events of the kernel machine and runs its effects.
//
// Owned by its sandbox's child set. Owns the process through a kernel_port (destroying the actor
// kills it) and the event logs of its executions until they are on disk. Talks to its followers,
// the journal, the workspace, the limiter, and its sandbox. Invariant: `ended` is sent to followers
// only when the journal has answered, or let its deadline pass.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/kernel/deadline_set.hpp"
#include "actors/kernel/kernel_machine.hpp"

namespace actors {

struct kernel_args {
  std::string sandbox_id;
  std::string kernel_id;
  std::string workspace;
  protocol::limits limit;
  caf::actor_addr sandbox;  ///< told when the kernel fails for good, or recovers
};

class kernel_state_impl {
 public:
  static inline const char* name = "kernel";
  kernel_state_impl(kernel_actor::stateful_pointer<kernel_state_impl> self) : self_(self) {}
  ~kernel_state_impl() { hand_over_ends(); }
  kernel_actor::behavior_type make_behavior(const env& e, kernel_args args);

 private:
  /// The events of one execution, from its acceptance until the journal has its end.
  struct event_log {
    protocol::execution_record record;
    std::vector<protocol::buffer> events;  ///< all, from number 1
    std::size_t told = 0;                  ///< how many the followers have
    std::size_t journalled = 0;            ///< how many the journal has
    bool changed = false;                  ///< the journal has not this `record` yet
    bool ticked = false;                   ///< it has been there at a `journal_tick`
    std::vector<follower_actor> followers;
    std::vector<follower_actor> waiting;  ///< they are told everything at the end, at once
    std::size_t spilling = 0;             ///< pieces of cut output on their way to its file
    bool ended = false;                   ///< `record` is final; told once it is kept on disk
    std::uint64_t log_file = 0;  ///< of the commit log, which keeps it: it was told; 0: not kept so
    double told_by_ms = 0;  ///< then it is told whether the journal has it or not; 0: not sent yet
    double cpu_ms_at_start = 0;
    std::shared_ptr<const process_watch> processes;  ///< from its start on
  };

  void prepare(const env& e, kernel_args args);
  void begin(protocol::kernel_memory memory);
  caf::result<protocol::execution_record> accept(protocol::execution_request& r,
                                                 follower_actor& to);
  void timer_went_off(const kernel_timer& x);
  std::vector<kernel_output> step(kernel_input in);
  caf::result<protocol::execution_record> ask(kernel_input in, const std::string& execution_id);
  void run(std::vector<kernel_output> effects);
  void run(kernel_effect::start_process& x);
  void run(kernel_effect::interrupt_process&) { port_->interrupt(); }
  void run(kernel_effect::kill_process&) { port_->kill(); }
  void run(kernel_effect::drain_link&) { port_->drain(); }
  void run(kernel_effect::send& x);
  void run(kernel_effect::refuse&) {}  // answered by the handler that asked
  void run(kernel_effect::accept& x);
  void run(kernel_effect::begin& x);
  void run(kernel_effect::emit& x);
  void run(kernel_effect::finish& x);
  void run(kernel_effect::spill& x);
  void run(kernel_effect::announce& x);
  void run(kernel_effect::set_deadline& x);
  void run(kernel_effect::restart_over& x);
  void run(kernel_effect::exhausted& x);
  void run(kernel_effect::recovered&);
  void run(kernel_effect::stopped&);
  void run(kernel_effect::publish&);

  caf::result<protocol::execution_record> follow(const protocol::follow_execution& f,
                                                 const follower_actor& to);
  void received(protocol::messages_received& m);
  void tell(event_log& log);
  void happened(std::string type, std::string data);
  void journal_soon();
  /// Which logs the journal is told of.
  enum class log_age { any, second_tick };

  void journal_tick();
  void fill_journal(log_age from_age = log_age::any);
  void look_at_deadlines();
  void watch_commits();
  void look_at_commits();
  void set_timer(std::optional<std::int64_t> after_ms);
  void commit(event_log& log);
  void spill_settled(const std::string& execution_id, std::uint64_t bytes);
  void hand_over_ends();
  void tell_end(event_log& log);
  void told_end(const std::string& execution_id);
  void end_leftover(protocol::execution_record record);
  void leave_when_told();
  bool paused() const noexcept;
  void consume(std::uint64_t bytes);
  moment now() const;

  kernel_actor::stateful_pointer<kernel_state_impl> self_;
  const env* env_ = nullptr;
  kernel_args args_;
  std::unique_ptr<kernel_machine> machine_;
  std::unique_ptr<kernel_port> port_;
  std::map<std::string, event_log> logs_;
  std::vector<caf::typed_response_promise<protocol::kernel_view>> restarts_;
  std::vector<caf::typed_response_promise<protocol::done>> stops_;
  std::uint64_t spilling_bytes_ = 0;  ///< sent to the workspace, not yet written
  std::uint64_t unconsumed_bytes_ = 0;
  deadline_set<kernel_deadline> deadlines_;
  std::vector<protocol::node_event>
      happened_;  ///< on its way to the journal, with what else is new
  bool journal_due_ = false;
  bool commits_watched_ = false;
  bool over_ = false;
};

kernel_actor::behavior_type kernel(kernel_actor::stateful_pointer<kernel_state_impl> self,
                                   const env* e, kernel_args args);

}  // namespace actors
