// Carries what is heard of a browser's process into the browser actor's mailbox. Any thread.
//
// Held by the browser_port; keeps only a weak handle, so that a dead actor hears nothing.
#pragma once

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"

namespace actors {

class browser_mailbox_sink final : public browser_sink {
 public:
  explicit browser_mailbox_sink(const browser_actor& to)
      : to_(caf::actor_cast<caf::actor_addr>(to)) {}

  void started(std::uint64_t generation, int pid) override {
    post(protocol::browser_started{generation, pid});
  }
  void start_failed(std::uint64_t generation, std::string why) override {
    post(protocol::browser_start_failed{generation, std::move(why)});
  }
  void ready(std::uint64_t generation) override { post(protocol::browser_answered{generation}); }
  void received(std::uint64_t generation, std::vector<protocol::buffer> messages) override {
    post(protocol::browser_said{generation, std::move(messages)});
  }
  void silent(std::uint64_t generation, std::uint64_t misses) override {
    post(protocol::browser_silent{generation, misses});
  }
  void exited(std::uint64_t generation, exit_status status) override {
    post(protocol::browser_exited{generation, status.exit_code, status.signal, status.memory_bytes,
                                  std::move(status.stderr_tail)});
  }
  void wanted() override { post(protocol::browser_wanted{}); }
  void clients(std::uint64_t count) override { post(protocol::browser_clients{count}); }

 private:
  template <class Event>
  void post(Event&& event) {
    if (auto to = caf::actor_cast<browser_actor>(to_))
      caf::anon_send(to, std::forward<Event>(event));
  }

  caf::actor_addr to_;
};

}  // namespace actors
