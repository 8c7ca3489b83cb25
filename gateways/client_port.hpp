// What a client's session may ask of the actors, without knowing any.
//
// The HTTP gateway holds one `client_port` and gives each call a `reply_sink`. Neither CAF nor Asio
// shows here, so that Beast and CAF never meet in one file. `client_port.cpp` is the CAF side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "protocol/browser.hpp"
#include "protocol/error.hpp"
#include "protocol/execution.hpp"
#include "protocol/limits.hpp"
#include "protocol/sandbox.hpp"

namespace gateways {

/// Where the answers to one call go. Called from actor threads, one call at a time, in order; an
/// implementation posts to its own thread and never blocks. `answered`, `failed` and `finished` are
/// final: exactly one of them is called, and nothing after it.
class reply_sink {
 public:
  virtual ~reply_sink() = default;
  /// The execution was accepted; comes before its events and before the final call.
  virtual void accepted(std::string execution_id) = 0;
  /// The next events, each one line of JSON; numbers go on without a gap.
  virtual void events(std::uint64_t first, std::vector<protocol::buffer> events) = 0;
  /// The whole answer: an HTTP status and a JSON body; the id of the execution it is about, if any.
  virtual void answered(int status, protocol::buffer body, std::string execution_id) = 0;
  virtual void failed(protocol::fault f) = 0;
  /// The stream of events came to its end.
  virtual void finished() = 0;
};

/// Kept by a session as long as it wants answers. Destroying it means that the client went away;
/// an execution asked for with `cancel_on_disconnect` is then cancelled. Any thread.
class call_handle {
 public:
  virtual ~call_handle() = default;
};

namespace call {
enum class form : std::uint8_t {
  whole,   ///< `answered` 200 with the resource when it has ended
  stream,  ///< `events` … `finished`
  begin,   ///< `answered` 202 with the resource as it stands
};
/// Code for a kernel, or a command.
struct execute {
  protocol::execution_request request;  ///< `id` is left empty
  form as = form::whole;
  std::string idempotency_key;  ///< empty: none
  std::string body_hash;        ///< of the body that came with the key
};
struct follow_execution {
  std::string execution_id;
  std::uint64_t from = 1;
};
struct get_execution {
  std::string execution_id;
};
struct cancel_execution {
  std::string execution_id;  ///< answered 202, or 200 when it had ended
};
struct give_stdin {
  std::string execution_id;
  std::string value;
  bool last = false;  ///< of a command: nothing follows
};
struct resize_terminal {
  std::string command_id;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};
struct create_sandbox {
  protocol::sandbox_spec spec;  ///< an empty id is filled in
};
struct delete_sandbox {
  std::string sandbox_id;
};
struct begin_turn {
  std::string sandbox_id;
  std::string text;
};
/// Answered 200 with each limit, what is used of it and what was refused.
struct get_limits {
  std::string sandbox_id;
};
/// Answered like `get_limits`, once they are in force.
struct change_limits {
  std::string sandbox_id;
  std::vector<protocol::limit_change> changes;
};
struct create_kernel {
  std::string sandbox_id;
  std::string kernel_id;  ///< empty: made up
};
struct delete_kernel {
  std::string sandbox_id;
  std::string kernel_id;
};
/// Answered 202 with the kernel resource.
struct interrupt_kernel {
  std::string sandbox_id;
  std::string kernel_id;
};
/// Answered 202, or with `wait` 200 when it is ready again, with the kernel resource.
struct restart_kernel {
  std::string sandbox_id;
  std::string kernel_id;
  bool wait = false;
};
enum class browser_order : std::uint8_t { start, restart, stop };
/// Answered 200 with the browser resource when it is done; 202 as it stands when not to `wait`.
struct order_browser {
  std::string sandbox_id;
  browser_order what = browser_order::start;
  bool wait = true;
};
/// Answered 200 with the action's answer; with `raw`, with the picture or document itself.
struct browse {
  std::string sandbox_id;
  protocol::browse what;
  bool raw = false;
};
/// The node's own events, from a number on, without end. `from` 0: only those to come.
struct follow_node {
  std::uint64_t from = 0;
};
}  // namespace call

using client_call =
    std::variant<call::execute, call::follow_execution, call::get_execution, call::cancel_execution,
                 call::give_stdin, call::resize_terminal, call::create_sandbox,
                 call::delete_sandbox, call::begin_turn, call::get_limits, call::change_limits,
                 call::create_kernel, call::delete_kernel, call::interrupt_kernel,
                 call::restart_kernel, call::order_browser, call::browse, call::follow_node>;

class client_port {
 public:
  virtual ~client_port() = default;
  /// Any thread; never blocks. The sink is kept until its final call.
  [[nodiscard]] virtual std::unique_ptr<call_handle> submit(client_call what,
                                                            std::shared_ptr<reply_sink> to) = 0;
};

}  // namespace gateways
