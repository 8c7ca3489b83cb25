#include "gateways/listener.hpp"

#include <chrono>
#include <utility>

namespace gateways {
namespace {

constexpr auto last_answers = std::chrono::milliseconds(1'000);

}  // namespace

http_opener::http_opener(http_server_options options, actors::node_views& views, client_port& port,
                         file_pools pools)
    : options_(std::move(options)), views_(views), port_(port), pools_(pools), first_(make()) {
  options_.http.listen = first_->address();
}

std::unique_ptr<http_server> http_opener::make() const {
  return std::make_unique<http_server>(options_, views_, port_, pools_);
}

std::unique_ptr<http_server> http_opener::open() {
  return first_ ? std::move(first_) : make();
}

listener_state::~listener_state() {
  if (server) server->drain(last_answers);
}

actors::listener_actor::behavior_type listener(
    actors::listener_actor::stateful_pointer<listener_state> self, http_opener* opener) {
  self->state.server = opener->open();
  return {[](const actors::tick&) {}};
}

}  // namespace gateways
