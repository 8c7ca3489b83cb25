#include "gateways/listener.hpp"

#include <chrono>

namespace gateways {
namespace {

constexpr auto last_answers = std::chrono::milliseconds(1'000);

}  // namespace

listener_state::~listener_state() {
  if (server) server->drain(last_answers);
}

actors::listener_actor::behavior_type listener(
    actors::listener_actor::stateful_pointer<listener_state> self,
    std::function<std::unique_ptr<http_server>()> open) {
  self->state.server = open();
  return {[](const actors::tick&) {}};
}

}  // namespace gateways
