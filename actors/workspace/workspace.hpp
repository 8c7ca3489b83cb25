// The workspace actor: the folder of one sandbox with its zones.
//
// Owned by its sandbox. File work is done on the blocking pool, in order per sandbox; answers come
// back as messages. Zones: `upload/`, `output/`, `deploy/`, `.store/`.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"

namespace actors {

struct workspace_state {
  static inline const char* name = "workspace";
  std::uint64_t last_ticket = 0;
  std::map<std::uint64_t, std::function<void()>> waiting;  ///< how to answer, by ticket
};

/// `root` is the folder, `sandbox_id` the key that keeps its file work in order.
workspace_actor::behavior_type workspace(workspace_actor::stateful_pointer<workspace_state> self,
                                         const env* e, std::string sandbox_id, std::string root);

}  // namespace actors
