// What is written down of a sandbox's turn by everybody who works in it: steps, and bytes put.
//
// Made by the sandbox's limiter, which lets executions in by it, and published in the views, so
// that gateways count a client's file writes without a message. Any thread; nothing blocks for
// long. Invariant: no turn has more steps than its limit, whoever takes them at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "protocol/error.hpp"
#include "protocol/limits.hpp"

namespace actors {

/// What a refusal at a limit has beside its text.
std::string budget_json(std::uint64_t limit, std::uint64_t used);

class turn_ledger {
 public:
  /// 0: without limit.
  explicit turn_ledger(std::uint64_t steps_max) : steps_max_(steps_max) {}

  /// Uses a step and gives the number of its turn; or `step_limit`, with what is used.
  protocol::result<std::uint64_t> take(protocol::unix_ms now);
  /// It was let in but refused further on. A step of an earlier turn is not this one's.
  void give_back(std::uint64_t turn);
  void begin_turn();
  void change(std::uint64_t steps_max);
  std::uint64_t steps_used() const;
  std::uint64_t steps_max() const;
  protocol::refusal last_refusal() const;

  /// A client's write has added this much to the workspace, and what a file takes beside.
  void put(std::uint64_t bytes) { put_bytes_ += bytes + overhead_bytes; }
  std::uint64_t put_bytes() const { return put_bytes_; }

 private:
  static constexpr std::uint64_t overhead_bytes = 16 << 10;  ///< whole blocks, folders on its way

  mutable std::mutex mutex_;
  std::uint64_t steps_max_;
  std::uint64_t steps_used_ = 0;
  std::uint64_t turn_ = 0;
  protocol::refusal last_refusal_;
  std::atomic<std::uint64_t> put_bytes_{0};
};

}  // namespace actors
