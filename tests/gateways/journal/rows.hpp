// Rows that the journal's tests write, and the faults they meet.
#pragma once

#include <string>
#include <vector>

#include "gateways/journal/pending.hpp"
#include "protocol/event.hpp"
#include "protocol/execution.hpp"

namespace tests {

inline protocol::execution_record make_record(
    std::string id, protocol::execution_state state = protocol::execution_state::running) {
  protocol::execution_record r;
  r.id = std::move(id);
  r.sandbox_id = "default";
  r.kernel_id = "main";
  r.generation = 3;
  r.state = state;
  r.queued_at = 1'000;
  r.started_at = 2'000;
  return r;
}

inline protocol::execution_record make_ended(std::string id, std::uint64_t last_event,
                                             protocol::unix_ms at = 3'000) {
  auto r = make_record(std::move(id), protocol::execution_state::ended);
  r.status = protocol::execution_status::ok;
  r.last_event = last_event;
  r.ended_at = at;
  return r;
}

/// Lines numbered from `first`, each about `size` bytes.
inline std::vector<protocol::buffer> make_events(std::uint64_t first, std::size_t count,
                                                 std::size_t size = 16) {
  std::vector<protocol::buffer> out;
  for (auto n = first; n < first + count; ++n) {
    auto data = "{\"text\":\"" + std::string(size, 'x') + "\"}";
    out.push_back(protocol::render_event(n, "stream", 2'500, "exe_1", 3, data));
  }
  return out;
}

}  // namespace tests
