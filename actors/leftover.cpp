#include "actors/leftover.hpp"

#include "protocol/event.hpp"

namespace actors {

using protocol::cause_kind;
using protocol::execution_status;

protocol::commit_execution end_of_leftover(protocol::execution_record record,
                                           protocol::unix_ms daemon_started_at,
                                           protocol::unix_ms now) {
  auto ours = record.queued_at >= daemon_started_at;
  record.state = protocol::execution_state::ended;
  record.status = ours ? execution_status::kernel_died : execution_status::node_lost;
  record.why = {.kind = ours ? cause_kind::actor_failed : cause_kind::daemon_lost,
                .detail = ours ? "a part of the daemon failed and was started again"
                               : "the daemon was killed while it ran"};
  record.state_preserved = false;
  record.ended_at = now;
  if (record.started_at > 0)
    record.duration_ms = static_cast<double>(record.ended_at - record.started_at);
  auto n = ++record.last_event;
  auto line = protocol::render_event(n, "ended", record.ended_at, record.id, record.generation,
                                     protocol::ended_data(record));
  return {std::move(record), n, {std::move(line)}};
}

}  // namespace actors
