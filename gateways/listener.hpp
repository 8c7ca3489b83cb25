// The listeners as children of the supervisor: the actor's end closes the port, and starting it
// again binds it again. Detached, because closing waits: for answers that are being written.
#pragma once

#include <caf/actor_system.hpp>
#include <memory>
#include <string>

#include "actors/interfaces.hpp"
#include "gateways/cdp/cdp_server.hpp"
#include "gateways/http/server.hpp"

namespace gateways {

/// Makes the server, and after its death another one at the same address. Made by main, which so
/// knows an address that cannot be had before anything is started. Outlives the listener, which is
/// the only one that asks it.
class http_opener {
 public:
  /// Binds the port; throws std::system_error that names `http.listen` when it cannot.
  http_opener(http_server_options options, actors::node_views& views, client_port& port,
              file_pools pools);

  std::unique_ptr<http_server> open();
  std::string url() const { return "http://" + options_.http.listen; }

 private:
  std::unique_ptr<http_server> make() const;

  http_server_options options_;
  actors::node_views& views_;
  client_port& port_;
  file_pools pools_;
  std::unique_ptr<http_server> first_;  ///< null: it was asked for
};

/// The actor of either; both outlive it. An exception as it opens ends the actor, which its
/// supervisor takes as a death.
actors::listener_actor spawn_listener(caf::actor_system& sys, http_opener& opener);
actors::listener_actor spawn_listener(caf::actor_system& sys, cdp_server& server);

}  // namespace gateways
