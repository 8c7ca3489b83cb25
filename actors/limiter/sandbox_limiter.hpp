// The limiter actor of a sandbox: admits executions, and watches what the sandbox uses.
//
// Owned by its sandbox. Asked by whoever brings an execution, told by the kernel when it ended;
// asks the node's limiter in turn. Looks at the sandbox by the clock, on a blocking pool: often
// while it works, seldom while it rests. What a look found is told once: to the journal as
// `limit_hit`, to kernels and commands as orders, to the views. At most one look is on its way;
// what is asked for meanwhile is one more. Replaced, it starts empty: what ran on is not counted
// again, nor the processor time until then, and its release is ignored.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "actors/limiter/budget_machine.hpp"
#include "actors/limiter/limiter_machine.hpp"

namespace actors {

class sandbox_limiter_state {
 public:
  static inline const char* name = "limiter";
  using pointer = sandbox_limiter_actor::stateful_pointer<sandbox_limiter_state>;
  explicit sandbox_limiter_state(pointer self) : self_(self) {}
  /// Whoever waits for a look is answered: a promise of CAF 0.17 that is dropped says nothing.
  ~sandbox_limiter_state();
  sandbox_limiter_state(const sandbox_limiter_state&) = delete;
  sandbox_limiter_state& operator=(const sandbox_limiter_state&) = delete;
  sandbox_limiter_actor::behavior_type make_behavior(const env& e, std::string sandbox_id,
                                                     const protocol::limits& limit);

 private:
  /// An execution that came while the workspace was over its limit: that is measured first.
  struct held_execution {
    protocol::execution_request request;
    execution_actor runner;
    follower_actor to;
    caf::typed_response_promise<protocol::execution_record> answer;
    double came_ms;
  };
  /// A look and who waits for it.
  struct look_ticket {
    bool due = false;
    std::map<std::string, std::uint64_t> generations;  ///< of the kernels that are looked at
    look_order order;
    std::vector<caf::typed_response_promise<protocol::limits_view>> asked;
    std::vector<held_execution> held;
  };

  caf::result<protocol::execution_record> admit(protocol::execution_request& x,
                                                const execution_actor& runner,
                                                const follower_actor& to);
  protocol::result<void> let_in(const protocol::execution_request& x);
  void release(const protocol::release_execution& x);
  void change(const protocol::limits& limit);
  void schedule();
  void look(look_order order);
  void begin_look();
  void looked(const protocol::limits_looked& x);
  void carry_out(const look_outcome& outcome);
  void settle(look_ticket& ticket);
  protocol::limits_view view() const;
  double now_ms() const;

  pointer self_;
  const env* env_ = nullptr;
  std::string sandbox_id_;
  std::unique_ptr<limiter_machine> steps_;
  std::unique_ptr<budget_machine> budgets_;
  std::uint64_t rhythm_ = 0;  ///< the tick that counts
  bool looking_ = false;
  look_ticket under_way_, next_;
  std::optional<double> counted_cpu_ms_;  ///< none before the first look
};

sandbox_limiter_actor::behavior_type sandbox_limiter(sandbox_limiter_state::pointer self,
                                                     const env* e, std::string sandbox_id,
                                                     const protocol::limits& limit);

}  // namespace actors
