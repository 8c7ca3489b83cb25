// The browser actor: turns messages into events of the browser machine and runs their effects, and
// carries what its driver says to the browser and back.
//
// One a sandbox, owned by its sandbox's child set, whether a browser runs or not. Owns the process
// through its browser_port (destroying the actor kills it). Invariants: whoever waits for a start
// is answered when the browser is ready or has failed; whoever waits by CDP likewise.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/browser/browser_machine.hpp"
#include "actors/browser/driver.hpp"
#include "actors/browser/page_policy.hpp"
#include "actors/browser/page_watch.hpp"
#include "actors/browser/recovery.hpp"
#include "actors/env.hpp"
#include "actors/interfaces.hpp"

namespace actors {

struct browser_args {
  std::string sandbox_id;
  std::string workspace;
  protocol::sandbox_mode mode = protocol::sandbox_mode::agent;
  protocol::limits limit;  ///< of the sandbox
};

class browser_state_impl : public browsing::driver_io {
 public:
  static inline const char* name = "browser";
  browser_state_impl(browser_actor::stateful_pointer<browser_state_impl> self) : self_(self) {}
  browser_actor::behavior_type make_behavior(const env& e, browser_args args);

 private:
  using view_promise = caf::typed_response_promise<protocol::browser_view>;
  using act_promise = caf::typed_response_promise<protocol::browsed>;
  /// An action that waits for the browser.
  struct waiting_action {
    protocol::browse what;
    act_promise promise;
  };

  void send(std::string text) override { port_->send(std::move(text)); }
  void wake_at(double steady_ms) override;
  void tell(std::string type, browsing::json data) override;
  void pages_changed() override;
  void opened();

  caf::result<protocol::browser_view> start(const protocol::start_browser& x);
  caf::result<protocol::browser_view> restart(const protocol::restart_browser& x);
  caf::result<protocol::browser_view> stop(const protocol::stop_browser& x);
  caf::result<protocol::browsed> act(protocol::browse& x);
  void perform(protocol::browse& x, double deadline_ms, act_promise promise);
  void deliver(act_promise& promise, const std::string& verb,
               protocol::result<browsing::action_answer> told);
  void said(const protocol::browser_said& x);
  caf::result<protocol::done> close(const protocol::close_browser& x);
  std::optional<protocol::fault> refusal() const;
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
  double steady_ms() const;
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
  std::unique_ptr<browsing::driver> driver_;
  std::unique_ptr<browsing::page_policy> policy_;
  std::unique_ptr<browsing::recovery> recovery_;
  std::unique_ptr<browsing::page_watch> watch_;
  std::deque<waiting_action> waiting_actions_;
  bool open_ = false;                  ///< its pages are back, and it is used
  std::size_t acting_ = 0;             ///< actions under way
  double wake_ms_ = 0;                 ///< when the driver is called next; 0: not asked for
  std::vector<view_promise> waiting_;  ///< for it to be ready
  std::vector<view_promise> stops_;    ///< for it to be gone
  std::vector<caf::typed_response_promise<protocol::done>> closes_;
  std::uint64_t clients_ = 0;
  double down_ms_ = 0;  ///< when the generation before ended; 0: there was none
  protocol::unix_ms started_at_ = 0;
  protocol::unix_ms last_activity_ = 0;
  bool idle_due_ = false;
};

/// Where on the host a sandbox's browser keeps its own files.
std::string browser_folder(const env& e, const std::string& sandbox_id);

browser_actor::behavior_type browser(browser_actor::stateful_pointer<browser_state_impl> self,
                                     const env* e, browser_args args);

}  // namespace actors
