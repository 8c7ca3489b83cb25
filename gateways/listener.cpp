#include "gateways/listener.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <utility>

namespace gateways {
namespace {

constexpr auto last_answers = std::chrono::milliseconds(1'000);

using actors::listener_actor;

struct http_listener_state {
  static inline const char* name = "http";
  std::unique_ptr<http_server> server;
  ~http_listener_state() {
    if (server) server->drain(last_answers);
  }
};

listener_actor::behavior_type http_listener(
    listener_actor::stateful_pointer<http_listener_state> self, http_opener* opener) {
  self->state.server = opener->open();
  return {[](const actors::tick&) {}};
}

struct cdp_listener_state {
  static inline const char* name = "cdp";
  cdp_server* server = nullptr;
  ~cdp_listener_state() {
    if (server) server->shut();
  }
};

listener_actor::behavior_type cdp_listener(
    listener_actor::stateful_pointer<cdp_listener_state> self, cdp_server* server) {
  server->open();
  self->state.server = server;
  return {[](const actors::tick&) {}};
}

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

actors::listener_actor spawn_listener(caf::actor_system& sys, http_opener& opener) {
  return sys.spawn<caf::detached>(http_listener, &opener);
}

actors::listener_actor spawn_listener(caf::actor_system& sys, cdp_server& server) {
  return sys.spawn<caf::detached>(cdp_listener, &server);
}

}  // namespace gateways
