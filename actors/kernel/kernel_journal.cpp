// What a kernel tells the journal, and when: in batches while code runs, and for good at its end.
#include <spdlog/spdlog.h>
#include <caf/send.hpp>
#include <chrono>

#include "actors/directory.hpp"
#include "actors/kernel/kernel.hpp"

namespace actors {

using protocol::buffer;

void kernel_state_impl::happened(std::string type, std::string data) {
  happened_.push_back({std::move(type), std::move(data)});
  journal_soon();
}

void kernel_state_impl::journal_soon() {
  if (std::exchange(journal_due_, true)) return;
  self_->delayed_send(self_, std::chrono::milliseconds(env_->settings.journal.flush_ms),
                      kernel_timer{kernel_timer::journal});
}

/// A short execution reaches the journal with its end, in one go; a long one every `flush_ms`.
void kernel_state_impl::journal_tick() {
  journal_due_ = false;
  fill_journal(log_age::second_tick);
}

void kernel_state_impl::fill_journal(log_age from_age) {
  hand_over_ends();
  auto journal = env_->handles.journal();
  if (!journal) return;
  for (auto& event : std::exchange(happened_, {})) self_->send(journal, std::move(event));
  for (auto& [id, log] : logs_) {
    if (log.ended) continue;  // its end takes the rest along
    if (from_age == log_age::second_tick && !std::exchange(log.ticked, true)) {
      journal_soon();
      continue;
    }
    if (std::exchange(log.changed, false)) self_->send(journal, log.record);
    if (log.journalled == log.told) continue;
    auto from = log.events.begin();
    std::vector<buffer> fresh(from + static_cast<std::ptrdiff_t>(log.journalled),
                              from + static_cast<std::ptrdiff_t>(log.told));
    self_->send(journal, protocol::append_events{id, log.journalled + 1, std::move(fresh)});
    log.journalled = log.told;
  }
}

/// What the commit log keeps goes on to the journal's tables; if that is not there, the next one
/// reads the log.
void kernel_state_impl::hand_over_ends() {
  auto journal = logs_.empty() ? journal_actor{} : env_->handles.journal();
  for (auto it = logs_.begin(); it != logs_.end();) {
    auto& log = it->second;
    if (log.log_file == 0) {
      ++it;
      continue;
    }
    auto from = log.events.begin() + static_cast<std::ptrdiff_t>(log.journalled);
    if (journal)
      caf::anon_send(
          journal,
          protocol::commit_execution{
              std::move(log.record), log.journalled + 1, {from, log.events.end()}, log.log_file});
    env_->handles.erase_execution(it->first);
    it = logs_.erase(it);
  }
}

void kernel_state_impl::commit(event_log& log) {
  log.log_file = env_->commits.keep({log.record, 1, log.events});
  if (log.log_file != 0) {
    tell_end(log);
    journal_soon();
    return leave_when_told();
  }
  auto journal = env_->handles.journal();
  if (!journal) return told_end(std::string(log.record.id));
  std::vector<buffer> rest(log.events.begin() + static_cast<std::ptrdiff_t>(log.journalled),
                           log.events.end());
  log.told_by_ms = now().steady_ms + static_cast<double>(env_->settings.journal.commit_timeout_ms);
  fill_journal();
  self_->send(journal, protocol::commit_execution{log.record, log.journalled + 1, std::move(rest)});
  watch_commits();
}

/// One timer for all commits; most are answered long before it goes off.
void kernel_state_impl::watch_commits() {
  if (std::exchange(commits_watched_, true)) return;
  self_->delayed_send(self_,
                      std::chrono::milliseconds(env_->settings.journal.commit_timeout_ms + 1),
                      kernel_timer{kernel_timer::commits});
}

void kernel_state_impl::look_at_commits() {
  commits_watched_ = false;
  std::vector<std::string> late;
  auto waiting = false;
  for (auto& [id, log] : logs_) {
    if (log.told_by_ms == 0) continue;
    if (log.told_by_ms <= now().steady_ms)
      late.push_back(id);
    else
      waiting = true;
  }
  if (waiting) watch_commits();
  for (auto& id : late) {
    spdlog::warn("commit_late execution={}", id);
    told_end(id);
  }
}

}  // namespace actors
