// Carries what is heard of a kernel's process into its actor's mailbox. Any thread.
//
// Held by the kernel_port; keeps only a weak handle, so that a dead actor hears nothing.
#pragma once

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"

namespace actors {

class mailbox_sink final : public kernel_sink {
 public:
  explicit mailbox_sink(const kernel_actor& to) : to_(caf::actor_cast<caf::actor_addr>(to)) {}

  void started(std::uint64_t generation, int pid, std::string connection_file) override {
    post(protocol::process_started{generation, pid, std::move(connection_file)});
  }
  void start_failed(std::uint64_t generation, std::string why) override {
    post(protocol::process_start_failed{generation, std::move(why)});
  }
  void ready(std::uint64_t generation) override { post(protocol::kernel_answered{generation}); }
  void received(std::uint64_t generation, std::vector<protocol::jupyter::message> batch) override {
    post(protocol::messages_received{generation, std::move(batch)});
  }
  void heartbeat_lost(std::uint64_t generation, std::uint64_t misses) override {
    post(protocol::heartbeat_lost{generation, misses});
  }
  void exited(std::uint64_t generation, exit_status status) override {
    post(protocol::process_exited{generation, status.exit_code, status.signal,
                                  std::move(status.stderr_tail), status.memory_bytes});
  }
  void drained(std::uint64_t generation) override { post(protocol::link_drained{generation}); }

 private:
  template <class Event>
  void post(Event&& event) {
    if (auto to = caf::actor_cast<kernel_actor>(to_))
      caf::anon_send(to, std::forward<Event>(event));
  }

  caf::actor_addr to_;
};

}  // namespace actors
