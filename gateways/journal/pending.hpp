// What is not on disk yet: rows collected since the last transaction, and what readers see of them.
//
// Owned by the journal actor; `store::write` writes all of it as one transaction. While the disk
// refuses it is the only copy, which is why `shrink` bounds it: what still runs loses its oldest
// events first, an end its record last. Pure: no clock, no disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/commands.hpp"
#include "protocol/execution.hpp"
#include "protocol/sandbox.hpp"

namespace gateways {

struct numbered_event {
  std::uint64_t n = 0;
  protocol::buffer body;
};

struct pending_execution {
  std::optional<protocol::execution_record> record;  ///< empty: the disk has it already
  std::vector<numbered_event> events;                ///< numbers ascend
  std::uint64_t event_bytes = 0;
  std::uint64_t order = 0;  ///< of its first row here

  bool ended() const { return record && record->state == protocol::execution_state::ended; }
};

struct pending_node_event {
  std::uint64_t n = 0;
  protocol::unix_ms at = 0;
  std::string type;
  std::string data;  ///< kept, so that the event can be numbered anew
  protocol::buffer body;
};

struct pending_sandbox {
  bool forgotten = false;                      ///< an earlier one of this name, with its kernels
  std::optional<protocol::sandbox_spec> spec;  ///< empty: only forgotten
};

struct claim {
  std::string body_hash;
  std::string execution_id;
  protocol::unix_ms at = 0;
};

class pending_rows {
 public:
  using name_pair = std::pair<std::string, std::string>;

  /// Queued or running; ignored when its end is here.
  void put(protocol::execution_record record);
  /// Ignored when its end is here; numbers that are here already are not taken twice.
  void append(const std::string& execution_id, std::uint64_t first,
              const std::vector<protocol::buffer>& events);
  /// False: it had ended already, and keeps that end.
  bool end(protocol::execution_record record, std::uint64_t first,
           const std::vector<protocol::buffer>& events);
  void put(protocol::sandbox_spec spec);
  void forget(const std::string& sandbox_id);
  void put(protocol::mark_kernel mark);
  void put(name_pair sandbox_and_key, claim c);
  void put(pending_node_event event);
  /// Gives the node's events new numbers from `first`, in order.
  void renumber(std::uint64_t first);

  const pending_execution* find(const std::string& execution_id) const;
  const claim* find_claim(const name_pair& sandbox_and_key) const;
  /// Nothing: the disk knows. 0: it was forgotten.
  std::optional<std::uint64_t> generation(const name_pair& sandbox_and_kernel) const;

  using execution_row = std::pair<const std::string*, const pending_execution*>;

  const auto& executions() const { return executions_; }
  /// The same, in the order they came.
  std::vector<execution_row> by_age() const;
  const auto& sandboxes() const { return sandboxes_; }
  const auto& kernels() const { return kernels_; }
  const auto& claims() const { return claims_; }
  const auto& node_events() const { return node_events_; }

  bool empty() const;
  std::uint64_t bytes() const { return bytes_; }
  void clear();
  /// Drops rows until at most `bytes_max` are held; answers how many were dropped.
  std::uint64_t shrink(std::uint64_t bytes_max);

 private:
  pending_execution& at(const std::string& execution_id);
  std::uint64_t drop_events(pending_execution& x, std::size_t keep, std::uint64_t bytes_max);

  std::unordered_map<std::string, pending_execution> executions_;
  std::map<std::string, pending_sandbox> sandboxes_;
  std::map<name_pair, std::uint64_t> kernels_;
  std::map<name_pair, claim> claims_;
  std::vector<pending_node_event> node_events_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_order_ = 0;
};

}  // namespace gateways
