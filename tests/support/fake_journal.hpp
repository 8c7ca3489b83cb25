// A journal that keeps nothing on disk: answers at once, or when the test lets it.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <string>
#include <utility>
#include <vector>

#include "actors/errors.hpp"
#include "actors/interfaces.hpp"

namespace tests {

struct journal_record {
  std::vector<protocol::commit_execution> commits;
  std::vector<std::string> node_events;
  std::vector<std::string> node_event_data;
  std::vector<protocol::sandbox_spec> specs;
  std::vector<protocol::execution_record> unfinished;  ///< told to whoever loads a kernel
  bool holds = false;                                  ///< who waits for the disk is not answered
  std::vector<std::pair<std::string, caf::typed_response_promise<protocol::committed>>> held;
};

inline actors::journal_actor::behavior_type fake_journal(actors::journal_actor::pointer self,
                                                         journal_record* kept) {
  using namespace protocol;  // NOLINT
  return {
      [](const execution_record&) {},
      [](const append_events&) {},
      [self, kept](commit_execution& x) -> caf::result<committed> {
        auto id = x.record.id;
        kept->commits.push_back(std::move(x));
        if (!kept->holds) return committed{id};
        return kept->held.emplace_back(id, self->make_response_promise<committed>()).second;
      },
      [self, kept](const sync_journal& x) -> caf::result<committed> {
        if (!kept->holds) return committed{x.execution_id};
        auto promise = self->make_response_promise<committed>();
        return kept->held.emplace_back(x.execution_id, promise).second;
      },
      [](const load_execution&) -> caf::result<execution_record> {
        return caf::make_error(error_code::execution_not_found);
      },
      [](const load_events&) -> caf::result<event_batch> {
        return caf::make_error(error_code::execution_not_found);
      },
      [](const claim_key& x) { return x.execution_id; },
      [](const release_key&) {},
      [kept](const sandbox_spec& x) { kept->specs.push_back(x); },
      [](const forget_sandbox&) {},
      [](const load_sandboxes&) { return sandbox_list{}; },
      [](const mark_kernel&) {},
      [kept](const load_kernel&) {
        return kernel_memory{0, kept->unfinished};
      },
      [kept](const node_event& x) {
        kept->node_events.push_back(x.type);
        kept->node_event_data.push_back(x.data);
      },
      [](const follow_execution&, const actors::follower_actor&) { return std::uint64_t{0}; },
      [kept](const actors::tick&) {  // lets the held answers go
        for (auto& [id, promise] : std::exchange(kept->held, {})) promise.deliver(committed{id});
      },
  };
}

/// Collects what it follows.
struct followed {
  std::vector<std::string> lines;
  std::uint64_t next = 1;
  std::size_t batches = 0;
  bool ended = false;
  protocol::execution_record record;
};

inline actors::follower_actor::behavior_type recorder(actors::follower_actor::pointer,
                                                      followed* f) {
  return {[f](const protocol::event_batch& b) {
    if (b.first != f->next) return;  // a gap shows as missing lines
    ++f->batches;
    for (auto& e : b.events) f->lines.emplace_back(e.view());
    f->next += b.events.size();
    f->ended = b.ended;
    if (b.ended) f->record = b.record;
  }};
}

}  // namespace tests
