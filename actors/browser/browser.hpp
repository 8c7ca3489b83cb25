// The browser actor: turns messages into events of the browser machine and runs their effects.
//
// One a sandbox, owned by its sandbox's child set, whether a browser runs or not. Owns the process
// through its browser_port (destroying the actor kills it). Invariants: whoever waits for a start
// is answered when the browser is ready or has failed; whoever waits by CDP likewise.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/browser/browser_machine.hpp"
#include "actors/env.hpp"
#include "actors/interfaces.hpp"

namespace actors {

struct browser_args {
  std::string sandbox_id;
  std::string workspace;
  protocol::sandbox_mode mode = protocol::sandbox_mode::agent;
  protocol::limits limit;  ///< of the sandbox
};

class browser_state_impl {
 public:
  static inline const char* name = "browser";
  browser_state_impl(browser_actor::stateful_pointer<browser_state_impl> self) : self_(self) {}
  browser_actor::behavior_type make_behavior(const env& e, browser_args args);

 private:
  using view_promise = caf::typed_response_promise<protocol::browser_view>;

  caf::result<protocol::browser_view> start(const protocol::start_browser& x);
  caf::result<protocol::browser_view> restart(const protocol::restart_browser& x);
  caf::result<protocol::browser_view> stop(const protocol::stop_browser& x);
  caf::result<protocol::browsed> act(protocol::browse& x);
  caf::result<protocol::done> close(const protocol::close_browser& x);
  void want();
  void exited(const protocol::browser_exited& x);
  void clients_changed(std::uint64_t count);
  void timer_went_off(const browser_timer& x);
  void step(browser_input in);
  void run(browser_effect::start_process& x);
  void run(browser_effect::stop_process&) { port_->stop(); }
  void run(browser_effect::kill_process&) { port_->kill(); }
  void run(browser_effect::set_deadline& x);
  void run(browser_effect::became_ready&);
  void run(browser_effect::gone& x);
  void run(browser_effect::exhausted& x);
  void run(browser_effect::closed&);
  protocol::limits own_limits() const;
  protocol::browser_state state() const;
  protocol::browser_view view() const;
  void publish();
  void settle(std::vector<view_promise>& waiting);
  void refuse(std::vector<view_promise>& waiting, const protocol::fault& why);
  void used();
  void look_at_idleness();
  void announce(const char* type, std::string members);

  browser_actor::stateful_pointer<browser_state_impl> self_;
  const env* env_ = nullptr;
  browser_args args_;
  std::unique_ptr<browser_machine> machine_;
  std::unique_ptr<browser_port> port_;
  std::vector<view_promise> waiting_;  ///< for it to be ready
  std::vector<view_promise> stops_;    ///< for it to be gone
  std::vector<caf::typed_response_promise<protocol::done>> closes_;
  std::uint64_t clients_ = 0;
  double down_ms_ = 0;  ///< when the generation before ended; 0: there was none
  double start_ms_ = 0;
  protocol::unix_ms started_at_ = 0;
  protocol::unix_ms last_activity_ = 0;
  bool idle_due_ = false;
};

/// Where on the host a sandbox's browser keeps its own files.
std::string browser_folder(const env& e, const std::string& sandbox_id);

browser_actor::behavior_type browser(browser_actor::stateful_pointer<browser_state_impl> self,
                                     const env* e, browser_args args);

}  // namespace actors
