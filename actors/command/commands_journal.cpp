// What commands tell their followers and the journal, and when: in batches while one runs, and for
// good at its end.
#include <caf/send.hpp>
#include <chrono>

#include "actors/command/commands.hpp"
#include "actors/directory.hpp"
#include "actors/leftover.hpp"
#include "protocol/json.hpp"

namespace actors {

using protocol::buffer;

namespace {

std::vector<buffer> since(const std::vector<buffer>& events, std::size_t from) {
  return {events.begin() + static_cast<std::ptrdiff_t>(from), events.end()};
}

}  // namespace

/// What is new goes to everybody who follows, and soon to the journal.
void commands_state::tell(command& c) {
  auto fresh = since(c.events, c.told);
  auto first = c.told + 1;
  c.told = c.events.size();
  for (auto& f : c.followers)
    self_->send(f, protocol::event_batch{c.machine->record().id, first, fresh, false, {}});
  journal_soon();
}

void commands_state::announce(const char* type, const protocol::execution_record& r) {
  auto journal = env_->handles.journal();
  if (!journal) return;
  auto data = "{\"sandbox_id\":" + protocol::json_string(args_.sandbox_id) +
              ",\"execution_id\":" + protocol::json_string(r.id);
  if (r.state == protocol::execution_state::ended)
    data += ",\"status\":\"" + to_string(r.status) + "\",\"cause\":" + to_json(r.why);
  self_->send(journal, protocol::node_event{type, data + "}"});
}

void commands_state::journal_soon() {
  if (std::exchange(journal_due_, true)) return;
  self_->delayed_send(self_, std::chrono::milliseconds(env_->settings.journal.flush_ms),
                      command_timer{command_timer::journal});
}

void commands_state::fill_journal() {
  auto journal = env_->handles.journal();
  if (!journal) return;
  for (auto& [id, c] : commands_) {
    if (c.ended) continue;  // its end takes the rest along
    if (std::exchange(c.changed, false)) self_->send(journal, c.record);
    if (c.journalled == c.told) continue;
    self_->send(journal,
                protocol::append_events{id, c.journalled + 1, since(c.events, c.journalled)});
    c.journalled = c.told;
  }
}

/// A short one is kept at once; else its end is told when the journal has it, or is too slow.
void commands_state::commit(command& c) {
  auto id = c.record.id;
  auto journal = env_->handles.journal();
  if (!journal) return told_end(id);
  protocol::commit_execution end{c.record, c.journalled + 1, since(c.events, c.journalled)};
  end.log_file = env_->commits.keep({c.record, 1, c.events});
  if (end.log_file != 0) {
    caf::anon_send(journal, std::move(end));
    return told_end(id);
  }
  auto patience = std::chrono::milliseconds(env_->settings.journal.commit_timeout_ms);
  self_->request(journal, patience, std::move(end))
      .then([this, id](const protocol::committed&) { told_end(id); },
            [this, id](const caf::error&) { told_end(id); });
}

void commands_state::told_end(const std::string& id) {
  auto it = commands_.find(id);
  if (it == commands_.end()) return;
  auto& c = it->second;
  for (auto& f : c.followers) {
    self_->send(f,
                protocol::event_batch{id, c.record.last_event, {c.events.back()}, true, c.record});
    self_->demonitor(f.address());
  }
  env_->handles.erase_execution(id);
  commands_.erase(it);
  leave_when_told();
}

void commands_state::end_leftover(protocol::execution_record record) {
  auto end = end_of_leftover(std::move(record), env_->started_at, env_->clock.now());
  env_->handles.erase_execution(end.record.id);
  if (auto limiter = env_->handles.sandbox(args_.sandbox_id).limiter)
    self_->send(limiter, protocol::release_execution{end.record.id});
  if (auto journal = env_->handles.journal()) caf::anon_send(journal, std::move(end));
}

}  // namespace actors
