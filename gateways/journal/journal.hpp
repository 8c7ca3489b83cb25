// The journal actor: the node's durable record, in front of `store`.
//
// Spawned detached by main, because SQLite blocks. Everybody who makes something worth keeping
// writes to it; gateways and restarted actors read from it. Rows collect in `pending_rows` and are
// written together: an end at once, with whatever else waits in the mailbox; the rest after
// `journal.flush_ms`, or `lazy_factor` times that if the commit log has it, or it is the node's.
// Nothing ticks while nothing waits, but for the pruning once a minute. Invariants: an answered end
// is on disk, or was answered as not durable; readers see what was written before, on disk or not;
// node events are numbered without a gap, over restarts too.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"
#include "gateways/journal/commit_log.hpp"
#include "gateways/journal/pending.hpp"
#include "gateways/journal/store.hpp"

namespace gateways {

class journal_state {
 public:
  using pointer = actors::journal_actor::stateful_pointer<journal_state>;
  using commit_promise = caf::typed_response_promise<protocol::committed>;
  static inline const char* name = "journal";
  static constexpr int lazy_factor = 5;

  explicit journal_state(pointer self) : self_(self) {}
  ~journal_state();
  journal_state(const journal_state&) = delete;
  journal_state& operator=(const journal_state&) = delete;

  void start(actors::env* env, commit_log* commits, const std::string& data_dir);

  void keep(protocol::execution_record& record);
  void keep(const protocol::append_events& what);
  caf::result<protocol::committed> commit(protocol::commit_execution& what);
  commit_promise answer_on_disk(const std::string& execution_id);
  void keep(protocol::sandbox_spec& spec);
  void forget(const protocol::forget_sandbox& what);
  void keep(protocol::mark_kernel& mark);
  void happened(std::string type, std::string data);
  caf::result<std::string> claim_for(const protocol::claim_key& what);
  void release(const protocol::release_key& what);
  std::uint64_t watch(const actors::follower_actor& follower);
  void unwatch(const caf::actor_addr& follower);

  caf::result<protocol::execution_record> load(const protocol::load_execution& what);
  caf::result<protocol::event_batch> load(const protocol::load_events& what);
  caf::result<protocol::sandbox_list> load(const protocol::load_sandboxes& what);
  caf::result<protocol::kernel_memory> load(const protocol::load_kernel& what);

  void on_tick(std::uint64_t which);

 private:
  void end(protocol::commit_execution& what);
  disk_result<void> open();
  void flush();
  void flush_now();
  void flush_later();
  void flush_lazily();
  bool may_wait();
  void written();
  void refused(const disk_fault& why);
  void retry();
  void note(std::string type, std::string data);
  void repair(const disk_fault& why);
  disk_result<void> replace_file(const disk_fault& why);
  void answer_waiting(bool durable);
  void publish_pending();
  void tell_watchers();
  void settle_claim(const protocol::execution_record& record);
  void prune();
  void rest();
  void checkpoint();
  void later(std::chrono::milliseconds wait, std::uint64_t which);
  void at_once(bool& asked, std::uint64_t which);
  disk_result<std::optional<protocol::execution_record>> find(const std::string& id);
  disk_result<std::uint64_t> last_event(const std::string& id);
  disk_result<std::vector<numbered_event>> events(const std::string& id, std::uint64_t from,
                                                  std::uint64_t bytes_max);
  caf::error cannot_read(const disk_fault& why);

  pointer self_;
  actors::env* env_ = nullptr;
  commit_log* commits_ = nullptr;
  std::unique_ptr<store> store_;
  pending_rows pending_;
  std::vector<std::pair<std::string, commit_promise>> waiting_;  ///< by execution

  std::map<std::uint64_t, std::uint64_t>
      from_log_;  ///< entries of a commit log's file in `pending_`
  /// Keys whose execution was not accepted yet; on disk they come with it.
  std::map<pending_rows::name_pair, claim> unsettled_;

  bool flush_asked_ = false;  ///< a message to ourselves is behind what the mailbox holds
  bool flush_due_ = false;    ///< one is on its way, `flush_ms` from now
  bool lazy_flush_due_ = false;
  bool rest_due_ = false;
  bool degraded_ = false;
  bool reopen_ = false;    ///< the next try begins with opening the file again
  bool numbered_ = false;  ///< the last node event's number is known from the disk
  std::chrono::milliseconds retry_wait_{0};
  std::uint64_t writes_ = 0;
  std::uint64_t writes_at_rest_ = 0;
  std::uint64_t dropped_ = 0;  ///< rows, since durability was lost

  std::uint64_t last_node_event_ = 0;
  std::vector<protocol::buffer> untold_;  ///< the node events up to the last, for the watchers
  bool tell_asked_ = false;
  std::map<caf::actor_addr, actors::follower_actor> watchers_;
};

/// `env` and `commits` outlive the actor; `data_dir` is made if it is missing.
actors::journal_actor::behavior_type journal(journal_state::pointer self, actors::env* env,
                                             commit_log* commits, std::string data_dir);

}  // namespace gateways
