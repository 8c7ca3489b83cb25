// Carries what is heard of a command's process into the commands actor's mailbox. Any thread.
//
// Held by the command_port; keeps only a weak handle, so that a dead actor hears nothing.
#pragma once

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/env.hpp"
#include "actors/interfaces.hpp"

namespace actors {

class command_mailbox_sink final : public command_sink {
 public:
  command_mailbox_sink(const commands_actor& to, std::string command_id)
      : to_(caf::actor_cast<caf::actor_addr>(to)), id_(std::move(command_id)) {}

  void start_failed(std::string why) override {
    post(protocol::command_start_failed{id_, std::move(why)});
  }
  void printed(protocol::command_stream on, protocol::buffer bytes) override {
    post(protocol::command_printed{id_, on, std::move(bytes)});
  }
  void took_input(std::uint64_t bytes) override { post(protocol::command_took_input{id_, bytes}); }
  void exited(exit_status status, protocol::usage used) override {
    post(protocol::command_exited{id_, status.exit_code, status.signal, status.memory_bytes, used});
  }

 private:
  template <class Event>
  void post(Event&& event) {
    if (auto to = caf::actor_cast<commands_actor>(to_))
      caf::anon_send(to, std::forward<Event>(event));
  }

  caf::actor_addr to_;
  std::string id_;
};

}  // namespace actors
