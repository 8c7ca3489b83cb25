#include "gateways/journal/journal.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/event.hpp"

namespace gateways {
namespace {

using protocol::error_code;
using std::chrono::milliseconds;

/// What a tick is for.
enum rhythm : std::uint64_t {
  flush_asked,
  flush_due,
  lazy_flush_due,
  retry_due,
  prune_due,
  rest_due,
  tell_asked
};

constexpr std::uint64_t flush_bytes = 1 << 20;  ///< so much does not wait for `flush_ms`
constexpr int wal_pages_max = 16'384;           ///< beyond, the log is moved without a pause
constexpr int wal_pages_worth = 1'024;          ///< up to these, moving waits for an idle moment
constexpr milliseconds rest_wait{1'000};
constexpr milliseconds retry_min{1'000};
constexpr milliseconds retry_max{8'000};
constexpr milliseconds prune_wait{60'000};
constexpr milliseconds prune_pause{20};  ///< between two steps; others are served meanwhile
constexpr std::int64_t claim_ms = 24 * 3'600 * 1'000;
constexpr std::int64_t unsettled_ms = 60'000;  ///< as at `claim_key`

std::string reason_json(const disk_fault& why) {
  nlohmann::json out{{"reason", name_of(why.kind)}, {"detail", why.detail}};
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

journal_state::~journal_state() {
  if (!env_) return;
  flush();
  answer_waiting(false);
}

// -- what is kept ---------------------------------------------------------------------------------

void journal_state::keep(protocol::execution_record& record) {
  settle_claim(record);
  pending_.put(std::move(record));
  flush_later();
}

void journal_state::keep(const protocol::append_events& what) {
  pending_.append(what.execution_id, what.first, what.events);
  flush_later();
}

caf::result<protocol::committed> journal_state::commit(protocol::commit_execution& what) {
  auto id = what.record.id;
  auto file = what.log_file;
  end(what);
  if (file == 0) return answer_on_disk(id);
  ++from_log_[file];
  flush_lazily();
  return protocol::committed{id};
}

void journal_state::end(protocol::commit_execution& what) {
  auto& record = what.record;
  settle_claim(record);
  record.state = protocol::execution_state::ended;
  if (record.ended_at == 0) record.ended_at = env_->clock.now();
  if (!what.events.empty()) record.last_event = what.first + what.events.size() - 1;
  pending_.end(std::move(record), what.first, what.events);
}

journal_state::commit_promise journal_state::answer_on_disk(const std::string& execution_id) {
  auto promise = self_->make_response_promise<protocol::committed>();
  waiting_.emplace_back(execution_id, promise);
  if (degraded_) {
    flush_later();
    answer_waiting(false);
  } else {
    flush_now();
  }
  return promise;
}

void journal_state::keep(protocol::sandbox_spec& spec) {
  pending_.put(std::move(spec));
  flush_later();
}

void journal_state::forget(const protocol::forget_sandbox& what) {
  pending_.forget(what.sandbox_id);
  flush_later();
}

void journal_state::keep(protocol::mark_kernel& mark) {
  pending_.put(std::move(mark));
  flush_later();
}

void journal_state::happened(std::string type, std::string data) {
  note(std::move(type), std::move(data));
  flush_lazily();
}

void journal_state::note(std::string type, std::string data) {
  auto n = ++last_node_event_;
  auto at = env_->clock.now();
  auto body = protocol::render_node_event(n, type, at, data);
  if (!watchers_.empty()) {
    untold_.push_back(body);
    at_once(tell_asked_, tell_asked);
  }
  pending_.put(pending_node_event{n, at, std::move(type), std::move(data), std::move(body)});
}

caf::result<std::string> journal_state::claim_for(const protocol::claim_key& what) {
  auto now = env_->clock.now();
  const pending_rows::name_pair pair{what.sandbox_id, what.key};
  std::erase_if(unsettled_, [&](const auto& x) { return now - x.second.at > unsettled_ms; });
  std::optional<claim> held;
  if (auto open = unsettled_.find(pair); open != unsettled_.end()) {
    held = open->second;
  } else if (auto here = pending_.find_claim(pair)) {
    held = *here;
  } else if (store_->is_open()) {
    auto kept = store_->find_claim(what.sandbox_id, what.key);
    if (!kept) return cannot_read(kept.error());
    held = std::move(*kept);
  }
  if (held && now - held->at < claim_ms) {
    if (held->body_hash == what.body_hash) return held->execution_id;
    return caf::make_error(error_code::idempotency_mismatch,
                           "the key stands for " + held->execution_id);
  }
  unsettled_.insert_or_assign(pair, claim{what.body_hash, what.execution_id, now});
  return what.execution_id;
}

void journal_state::release(const protocol::release_key& what) {
  auto it = unsettled_.find({what.sandbox_id, what.key});
  if (it != unsettled_.end() && it->second.execution_id == what.execution_id) unsettled_.erase(it);
}

/// A key is kept with the execution that it stands for, and with the first that it stood for.
void journal_state::settle_claim(const protocol::execution_record& record) {
  if (record.idempotency_key.empty()) return;
  pending_rows::name_pair pair{record.sandbox_id, record.idempotency_key};
  unsettled_.erase(pair);
  pending_.put(std::move(pair), claim{record.body_hash, record.id, record.queued_at});
}

// -- those who watch the node ---------------------------------------------------------------------

std::uint64_t journal_state::watch(const actors::follower_actor& follower) {
  tell_watchers();  // what is numbered so far is not for the new one
  auto address = caf::actor_cast<caf::actor_addr>(follower);
  if (watchers_.emplace(address, follower).second) self_->monitor(follower);
  return last_node_event_;
}

void journal_state::unwatch(const caf::actor_addr& follower) {
  watchers_.erase(follower);
}

void journal_state::tell_watchers() {
  if (untold_.empty()) return;
  protocol::event_batch batch;
  batch.first = last_node_event_ - untold_.size() + 1;
  batch.events = std::move(untold_);
  untold_.clear();
  for (const auto& [address, follower] : watchers_) self_->send(follower, batch);
}

// -- writing --------------------------------------------------------------------------------------

void journal_state::later(milliseconds wait, std::uint64_t which) {
  self_->delayed_send(self_, wait, actors::tick{which});
}

void journal_state::at_once(bool& asked, std::uint64_t which) {
  if (std::exchange(asked, true)) return;
  self_->send(self_, actors::tick{which});
}

void journal_state::flush_now() {
  at_once(flush_asked_, flush_asked);
}

void journal_state::flush_later() {
  if (!may_wait() || flush_asked_ || std::exchange(flush_due_, true)) return;
  later(milliseconds(env_->settings.journal.flush_ms), flush_due);
}

void journal_state::flush_lazily() {
  if (!may_wait() || flush_asked_ || flush_due_ || std::exchange(lazy_flush_due_, true)) return;
  later(lazy_factor * milliseconds(env_->settings.journal.flush_ms), lazy_flush_due);
}

/// False: what is pending was written, or dropped, since it is too much to wait.
bool journal_state::may_wait() {
  publish_pending();
  if (degraded_) {
    auto dropped = pending_.shrink(env_->settings.journal.pending_bytes_max);
    dropped_ += dropped;
    env_->views.counters.journal_rows_dropped += dropped;
    return false;
  }
  if (pending_.bytes() < flush_bytes) return true;
  flush();
  return false;
}

void journal_state::flush() {
  if (degraded_) return;
  if (!pending_.empty()) {
    auto done = store_->write(pending_);
    if (!done && done.error().kind == disk_fault_kind::corrupt) {
      auto begun = replace_file(done.error());
      done = begun ? store_->write(pending_) : begun;
    }
    if (!done) return refused(done.error());
    written();
  }
  answer_waiting(true);
  if (store_->wal_pages() > wal_pages_max) checkpoint();
}

void journal_state::written() {
  ++env_->views.counters.journal_commits;
  ++writes_;
  pending_.clear();
  commits_->leftovers_written();
  for (auto [file, count] : std::exchange(from_log_, {})) commits_->written(file, count);
  publish_pending();
  if (!std::exchange(rest_due_, true)) later(rest_wait, rest_due);
}

void journal_state::answer_waiting(bool durable) {
  for (auto& [id, promise] : waiting_) promise.deliver(protocol::committed{id, durable});
  waiting_.clear();
}

void journal_state::publish_pending() {
  auto bytes = static_cast<std::int64_t>(pending_.bytes());
  env_->views.counters.journal_pending_bytes.store(bytes, std::memory_order_relaxed);
}

// -- when the disk refuses ------------------------------------------------------------------------

disk_result<void> journal_state::open() {
  auto opened = store_->open();
  reopen_ = !opened;
  if (numbered_ || !store_->is_open()) return opened;
  auto last = store_->last_node_event();
  if (!last && last.error().kind == disk_fault_kind::corrupt) return replace_file(last.error());
  if (!last) return last.error();
  numbered_ = true;
  if (*last == 0) return opened;
  // Those that came before the file could be read were numbered from 1.
  pending_.renumber(*last + 1);
  tell_watchers();
  last_node_event_ = *last + pending_.node_events().size();
  return opened;
}

disk_result<void> journal_state::replace_file(const disk_fault& why) {
  auto moved_to = store_->set_aside();
  spdlog::error("journal_corrupt moved_to={} detail=\"{}\"", moved_to, why.detail);
  auto begun = open();
  if (begun) note("journal_replaced", nlohmann::json{{"moved_to", moved_to}}.dump());
  return begun;
}

void journal_state::repair(const disk_fault& why) {
  if (why.kind != disk_fault_kind::corrupt || degraded_) return;
  if (auto begun = replace_file(why); !begun) return refused(begun.error());
  flush_later();
}

void journal_state::refused(const disk_fault& why) {
  ++env_->views.counters.journal_failures;
  if (!std::exchange(degraded_, true)) {
    spdlog::error("durability_lost reason={} detail=\"{}\"", name_of(why.kind), why.detail);
    env_->views.durable = false;
    dropped_ = 0;
    retry_wait_ = retry_min;
    happened("durability_lost", reason_json(why));
  }
  // A file that could not be reached may be another one by the time it can.
  using enum disk_fault_kind;
  reopen_ = why.kind == io || why.kind == cannot_open || why.kind == read_only;
  answer_waiting(false);
  later(retry_wait_, retry_due);
  retry_wait_ = std::min(retry_wait_ * 2, retry_max);
}

void journal_state::retry() {
  disk_result<void> done = {};
  if (reopen_ || !store_->is_open()) done = open();
  if (done) done = store_->write(pending_);
  if (!done && done.error().kind == disk_fault_kind::corrupt) {
    done = replace_file(done.error());
    if (done) done = store_->write(pending_);
  }
  if (!done) return refused(done.error());
  degraded_ = false;
  env_->views.durable = true;
  written();
  spdlog::info("durability_restored rows_dropped={}", dropped_);
  happened("durability_restored", nlohmann::json{{"rows_dropped", dropped_}}.dump());
}

// -- its own rhythm -------------------------------------------------------------------------------

void journal_state::prune() {
  const auto& options = env_->settings.journal;
  if (degraded_) return later(prune_wait, prune_due);
  auto now = env_->clock.now();
  retention keep;
  keep.oldest = now - options.retention_s * 1'000;
  keep.bytes_max = options.retention_bytes;
  keep.claims_from = now - claim_ms;
  auto done = store_->prune(keep);
  if (!done) {
    spdlog::warn("journal_prune_failed detail=\"{}\"", done.error().detail);
    repair(done.error());
  }
  later(done && done->more ? prune_pause : prune_wait, prune_due);
}

void journal_state::rest() {
  rest_due_ = false;
  if (degraded_) return;
  auto idle = std::exchange(writes_at_rest_, writes_) == writes_;
  if (store_->wal_pages() > (idle ? 0 : wal_pages_worth)) checkpoint();
  if (!idle && !std::exchange(rest_due_, true)) later(rest_wait, rest_due);
}

void journal_state::checkpoint() {
  auto done = store_->checkpoint();
  if (done) return;
  spdlog::warn("journal_checkpoint_failed detail=\"{}\"", done.error().detail);
  repair(done.error());
}

void journal_state::on_tick(std::uint64_t which) {
  switch (which) {
    case flush_asked: flush_asked_ = false; return flush();
    case flush_due: flush_due_ = false; return flush();
    case lazy_flush_due: lazy_flush_due_ = false; return flush();
    case retry_due: return retry();
    case prune_due: return prune();
    case rest_due: return rest();
    case tell_asked: tell_asked_ = false; return tell_watchers();
    default: return;
  }
}

void journal_state::start(actors::env* env, commit_log* commits, const std::string& data_dir) {
  env_ = env;
  commits_ = commits;
  store_ = std::make_unique<store>(data_dir);
  env_->views.durable = true;
  auto opened = open();
  for (auto& left : commits_->leftovers()) end(left);
  if (opened)
    flush();
  else
    refused(opened.error());
  later(prune_wait, prune_due);
}

actors::journal_actor::behavior_type journal(journal_state::pointer self, actors::env* env,
                                             commit_log* commits, std::string data_dir) {
  using namespace protocol;  // NOLINT: the messages of the interface, as it names them
  self->state.start(env, commits, data_dir);
  self->set_down_handler([self](const caf::down_msg& m) { self->state.unwatch(m.source); });
  return {
      [self](execution_record& record) { self->state.keep(record); },
      [self](append_events& what) { self->state.keep(what); },
      [self](commit_execution& what) { return self->state.commit(what); },
      [self](const sync_journal& what) { return self->state.answer_on_disk(what.execution_id); },
      [self](const load_execution& what) { return self->state.load(what); },
      [self](const load_events& what) { return self->state.load(what); },
      [self](const claim_key& what) { return self->state.claim_for(what); },
      [self](const release_key& what) { self->state.release(what); },
      [self](sandbox_spec& spec) { self->state.keep(spec); },
      [self](const forget_sandbox& what) { self->state.forget(what); },
      [self](const load_sandboxes& what) { return self->state.load(what); },
      [self](mark_kernel& mark) { self->state.keep(mark); },
      [self](const load_kernel& what) { return self->state.load(what); },
      [self](node_event& what) {
        self->state.happened(std::move(what.type), std::move(what.data));
      },
      [self](const follow_execution&, const actors::follower_actor& follower) {
        return self->state.watch(follower);
      },
      [self](actors::tick& t) { self->state.on_tick(t.count); },
  };
}

}  // namespace gateways
