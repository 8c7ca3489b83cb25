#include "docs/specimen/lease.hpp"

#include <chrono>
#include <string>

#include "actors/errors.hpp"

namespace specimen {

std::variant<lease_granted, refused> lease_machine::step(take_lease, std::int64_t now_ms) {
  if (until_ms_) return refused{*until_ms_ - now_ms};
  until_ms_ = now_ms + term_ms_;
  return lease_granted{++last_};
}

void lease_machine::step(return_lease x) {
  if (x.number == last_) until_ms_.reset();
}

lease_actor::behavior_type lease(lease_actor::stateful_pointer<lease_state> self,
                                 std::int64_t term_ms) {
  using std::chrono::milliseconds;
  self->state.machine.emplace(term_ms);
  return {
      [self, term_ms](take_lease x) -> caf::result<lease_granted> {
        auto now = self->clock().now().time_since_epoch() / milliseconds(1);
        auto decided = self->state.machine->step(x, now);
        if (auto* no = std::get_if<refused>(&decided))
          return actors::to_error({.code = protocol::error_code::wrong_state,
                                   .detail = std::to_string(no->free_in_ms) + " ms left"});
        auto granted = std::get<lease_granted>(decided);
        self->delayed_send(self, milliseconds(term_ms), return_lease{granted.number});
        return granted;
      },
      [self](return_lease x) { self->state.machine->step(x); },
  };
}

}  // namespace specimen
