// One client call as an actor: from `client_port::submit` to the sink's final call.
//
// Spawned by the actor port, owned by nobody, ends itself. Follows an execution's events, and goes
// on from the last number when its actor is replaced or the execution has ended meanwhile.
// Invariant: exactly one final call on the sink; every wait has an end.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "gateways/client_port.hpp"

namespace gateways {

class client_call_state {
 public:
  static inline const char* name = "client_call";
  using pointer = actors::follower_actor::stateful_pointer<client_call_state>;
  explicit client_call_state(pointer self) : self_(self) {}
  actors::follower_actor::behavior_type make_behavior(const actors::env& e, client_call what,
                                                      std::shared_ptr<reply_sink> to);

 private:
  enum class goal : std::uint8_t { stream, whole, look };

  void begin(call::execute& c);
  void begin(call::follow_execution& c);
  void begin(call::get_execution& c);
  void begin(call::cancel_execution& c);
  void begin(call::give_stdin& c);
  void begin(call::resize_terminal& c);
  void begin(call::create_sandbox& c);
  void begin(call::delete_sandbox& c);
  void begin(call::begin_turn& c);
  void begin(call::get_limits& c);
  void begin(call::change_limits& c);
  void begin(call::create_kernel& c);
  void begin(call::delete_kernel& c);
  void begin(call::interrupt_kernel& c);
  void begin(call::restart_kernel& c);
  void begin(call::order_browser& c);
  void begin(call::browse& c);
  void begin(call::follow_node& c);

  void claim();
  void claimed(const std::string& execution_id);
  void submit();
  void send_to(const actors::execution_actor& runner);
  void resume();
  void page();
  void page_node();
  void take(protocol::event_batch& b);
  void end(protocol::execution_record record);
  void run_again();
  void made(const protocol::sandbox_view& v);
  void follow_node();
  void try_again(void (client_call_state::*what)());
  void abandon();
  void give_up();
  static protocol::fault being_restarted();
  void fail(protocol::fault f);
  void fail(const caf::error& e);
  void answer(int status, std::string body, std::string execution_id = {});
  void answer_when_kept(int status, std::string body);
  template <class Handle, class Command, class Then>
  void ask(const Handle& whom, std::int64_t timeout_ms, Command command, Then then);
  template <class Then>
  void with_kernel(const std::string& sandbox_id, const std::string& kernel_id, Then then);
  template <class Then>
  void with_commands(const std::string& sandbox_id, Then then);
  template <class Then>
  void with_browser(const std::string& sandbox_id, Then then);
  template <class Then>
  void with_sandbox(const std::string& sandbox_id, Then then);

  pointer self_;
  const actors::env* env_ = nullptr;
  std::shared_ptr<reply_sink> sink_;  ///< null after the final call
  protocol::execution_request request_;
  call::form form_ = call::form::whole;
  goal goal_ = goal::whole;
  int status_ = 200;
  std::uint64_t next_ = 1;
  std::vector<protocol::buffer> events_;
  protocol::claim_key key_;  ///< empty without an Idempotency-Key
  bool submitted_ = false;
  bool accepted_ = false;
  bool abandoned_ = false;
  bool paging_ = false;
  int tries_ = 0;
  void (client_call_state::*retry_)() = nullptr;  ///< due when our own empty batch comes back
  std::function<void()> again_;
};

template <class Handle, class Command, class Then>
void client_call_state::ask(const Handle& whom, std::int64_t timeout_ms, Command command,
                            Then then) {
  if (!whom) return fail(being_restarted());
  self_->request(whom, std::chrono::milliseconds(timeout_ms), std::move(command))
      .then(std::move(then), [this](const caf::error& e) { fail(e); });
}

}  // namespace gateways
