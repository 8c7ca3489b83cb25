#include "gateways/actor_port.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include "gateways/client_call.hpp"

namespace gateways {
namespace {

actors::follower_actor::behavior_type client_call_actor(client_call_state::pointer self,
                                                        const actors::env* e, client_call what,
                                                        std::shared_ptr<reply_sink> to) {
  return self->state.make_behavior(*e, std::move(what), std::move(to));
}

class actor_handle final : public call_handle {
 public:
  explicit actor_handle(const actors::follower_actor& a)
      : actor_(caf::actor_cast<caf::actor_addr>(a)) {}
  ~actor_handle() override {
    if (auto a = caf::actor_cast<caf::actor>(actor_))
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }

 private:
  caf::actor_addr actor_;
};

class actor_port final : public client_port {
 public:
  actor_port(caf::actor_system& system, const actors::env& e) : system_(system), env_(e) {}

  std::unique_ptr<call_handle> submit(client_call what, std::shared_ptr<reply_sink> to) override {
    return std::make_unique<actor_handle>(
        system_.spawn(client_call_actor, &env_, std::move(what), std::move(to)));
  }

 private:
  caf::actor_system& system_;
  const actors::env& env_;
};

}  // namespace

std::unique_ptr<client_port> make_actor_port(caf::actor_system& system, const actors::env& e) {
  return std::make_unique<actor_port>(system, e);
}

}  // namespace gateways
