#include "gateways/node_life.hpp"

#include <pthread.h>

#include <algorithm>
#include <caf/all.hpp>
#include <iostream>

#include "actors/directory.hpp"
#include "gateways/node_signals.hpp"

namespace gateways {
namespace {

using namespace std::chrono_literals;

constexpr int failed = 1;

/// Asks the sandboxes to end their work in time; `over_signal` says that they have.
caf::actor begin_drain(caf::actor_system& sys, actors::env& e, pthread_t main_thread) {
  e.views.draining = true;
  notify_systemd("STOPPING=1");
  auto ms = e.settings.node.drain_ms;
  caf::anon_send(e.handles.journal(), protocol::node_event{"node_draining", "{}"});
  return sys.spawn([&e, ms, main_thread](caf::event_based_actor* self) {
    auto over = [main_thread] { pthread_kill(main_thread, over_signal); };
    self->request(e.handles.sandboxes(), std::chrono::milliseconds(ms) + 35s, protocol::drain{ms})
        .then([over](const protocol::done&) { over(); }, [over](const caf::error&) { over(); });
  });
}

std::string in_one_line(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

/// Why the daemon cannot be of use; empty: it is ready, and has said so.
std::string finish_start(const actors::env& e, const data_dir& dir, const readiness& ready) {
  if (!e.views.ready) {
    auto view = e.views.sandbox("default");
    return "the kernel main of the sandbox default does not start: " +
           in_one_line(view ? view->why.detail : "the sandbox is gone");
  }
  auto told = announce_ready(dir, ready);
  return told ? std::string() : "node.ready_file: " + told.error().detail;
}

}  // namespace

int live(caf::actor_system& sys, actors::env& e, actors::supervisor_actor root,
         const sigset_t& signals, const data_dir& dir, readiness& ready,
         std::chrono::steady_clock::time_point began) {
  auto main_thread = pthread_self();
  caf::actor_cast<caf::strong_actor_ptr>(root)->get()->attach_functor(
      [main_thread] { pthread_kill(main_thread, over_signal); });
  caf::actor drainer;
  auto status = 0;
  for (int signal = 0; sigwait(&signals, &signal) == 0;) {
    if (signal == start_signal) {
      auto took = std::chrono::steady_clock::now() - began;
      ready.started_ms = std::chrono::duration<double, std::milli>(took).count();
      auto wrong = finish_start(e, dir, ready);
      if (wrong.empty()) continue;
      std::cerr << "troupe: " << wrong << '\n';
      status = failed;
      break;
    }
    if (signal == over_signal) {
      status = e.views.draining ? 0 : failed;  // else the supervisor gave up; it has logged why
      break;
    }
    if (e.views.draining) break;  // asked twice: at once
    drainer = begin_drain(sys, e, main_thread);
  }
  withdraw(dir, ready);
  caf::anon_send_exit(drainer, caf::exit_reason::user_shutdown);  // it may wait for an answer
  caf::scoped_actor self(sys);
  self->request(root, 20s, protocol::drain{})
      .receive([](const protocol::done&) {}, [](const caf::error&) {});
  return status;
}

}  // namespace gateways
