// The end of an execution that an earlier actor or daemon left without one.
//
// Pure. Used by whoever finds such a record in the journal when it starts.
#pragma once

#include "protocol/commands.hpp"

namespace actors {

/// What the journal is to be told. `daemon_started_at`: what was queued earlier was lost with an
/// earlier daemon, the rest with a part of this one.
protocol::commit_execution end_of_leftover(protocol::execution_record record,
                                           protocol::unix_ms daemon_started_at,
                                           protocol::unix_ms now);

}  // namespace actors
