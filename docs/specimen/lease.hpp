// A lease on something that one client may hold at a time, each time for at most `term_ms`.
//
// Owned by its supervisor; asked by whoever needs the thing. Pure decisions are in lease_machine;
// the actor turns messages into its events and runs its effects.
// Invariants: at most one holder; a grant's number is never used twice.
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <optional>
#include <variant>

#include "actors/interfaces.hpp"

namespace specimen {

struct take_lease {};
struct return_lease {
  std::uint64_t number = 0;
};
struct lease_granted {
  std::uint64_t number = 0;
};

using lease_actor = caf::typed_actor<
    // Grants the lease, or refuses with wrong_state and tells how long the holder may keep it.
    caf::replies_to<take_lease>::with<lease_granted>,
    // Gives it back, by its holder or because its term is over; a number that is over is ignored.
    caf::reacts_to<return_lease>>;

struct refused {
  std::int64_t free_in_ms = 0;
};

class lease_machine {
 public:
  explicit lease_machine(std::int64_t term_ms) : term_ms_(term_ms) {}
  std::variant<lease_granted, refused> step(take_lease, std::int64_t now_ms);
  void step(return_lease x);

 private:
  std::int64_t term_ms_;
  std::uint64_t last_ = 0;
  std::optional<std::int64_t> until_ms_;  ///< set while somebody holds it
};

struct lease_state {
  static inline const char* name = "lease";
  std::optional<lease_machine> machine;
};

lease_actor::behavior_type lease(lease_actor::stateful_pointer<lease_state> self,
                                 std::int64_t term_ms);

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, take_lease&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, return_lease& x) {
  return f(x.number);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_granted& x) {
  return f(x.number);
}

}  // namespace specimen

CAF_BEGIN_TYPE_ID_BLOCK(specimen, caf::id_block::troupe::end)
CAF_ADD_TYPE_ID(specimen, (specimen::take_lease))
CAF_ADD_TYPE_ID(specimen, (specimen::return_lease))
CAF_ADD_TYPE_ID(specimen, (specimen::lease_granted))
CAF_END_TYPE_ID_BLOCK(specimen)
