// The program: wiring only. The table in `children` is the supervision tree of a node.
#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <caf/all.hpp>
#include <stdexcept>

#include "actors/directory.hpp"
#include "actors/here_first.hpp"
#include "actors/limiter/limiter.hpp"
#include "actors/node_config.hpp"
#include "actors/sandbox/sandboxes.hpp"
#include "actors/supervision/supervisor.hpp"
#include "gateways/actor_port.hpp"
#include "gateways/announce.hpp"
#include "gateways/cdp/browser_host.hpp"
#include "gateways/cdp/cdp_server.hpp"
#include "gateways/cli/cli.hpp"
#include "gateways/data_dir.hpp"
#include "gateways/egress/proxy.hpp"
#include "gateways/isolation/launcher.hpp"
#include "gateways/journal/journal.hpp"
#include "gateways/listener.hpp"
#include "gateways/node_life.hpp"
#include "gateways/node_signals.hpp"
#include "gateways/process/blocking_pool.hpp"
#include "gateways/process/command_host.hpp"
#include "gateways/process/kernel_host.hpp"
#include "gateways/process/run_dir.hpp"
#include "gateways/process/sweep.hpp"
#include "gateways/store/store_gate.hpp"
#include "gateways/system_env.hpp"

namespace {

std::vector<actors::node_child> children(actors::env& e, gateways::commit_log& commits,
                                         gateways::cdp_server& cdp, gateways::http_opener& http) {
  auto child = [&e](const char* name, auto spawn) {
    auto start = [spawn](auto& sys) { return caf::actor_cast<caf::strong_actor_ptr>(spawn(sys)); };
    return actors::node_child{name, start, e.settings.actor_restart};
  };
  auto found = [&](const char* name, auto spawn) {
    return child(name, [&e, spawn](auto& sys) {
      auto a = spawn(sys);
      return e.handles.put(a), a;
    });
  };
  return {
      found("journal",
            [&](caf::actor_system& sys) {
              return sys.spawn<caf::detached>(gateways::journal, &e, &commits, e.data_dir);
            }),
      found("limiter", [&e](auto& sys) { return sys.spawn(actors::limiter, &e); }),
      // Clients of browsers hear why these end: it stops after the sandboxes.
      child("cdp", [&cdp](auto& sys) { return spawn_listener(sys, cdp); }),
      found("sandboxes", [&e](auto& sys) { return sys.spawn(actors::sandboxes, &e); }),
      child("http", [&http](auto& sys) { return spawn_listener(sys, http); }),
  };
}

/// None: these workloads reach no other host.
std::unique_ptr<gateways::egress_proxy> open_egress(const config::egress_options& options,
                                                    actors::egress_of whose,
                                                    actors::node_views& views,
                                                    actors::directory& handles) {
  if (options.mode != "proxy") return {};
  auto tell = [&handles](std::string data) {
    if (auto to = handles.journal())
      caf::anon_send(to, protocol::node_event{"egress_refused", std::move(data)});
  };
  return std::make_unique<gateways::egress_proxy>(options, whose, views, tell);
}

gateways::http_server_options http_options(const config::settings& s, const gateways::data_dir& dir,
                                           gateways::cdp_server& cdp) {
  auto hand_over = [&cdp](int fd, std::string read, std::string sandbox_id, std::string prefix) {
    cdp.adopt(fd, std::move(read), {std::move(sandbox_id), std::move(prefix)});
  };
  return {
      s.http,   s.node.insecure,           dir.token(),         TROUPE_VERSION, s.kernel, s.sandbox,
      s.limits, "http://" + cdp.address(), std::move(hand_over)};
}

int serve(const config::settings& settings) {
  auto began = std::chrono::steady_clock::now();
  spdlog::set_default_logger(spdlog::stderr_color_mt("troupe"));
  spdlog::set_level(spdlog::level::from_str(settings.node.log_level));
  auto signals = gateways::take_signals();
  auto dir = gateways::data_dir::open(settings.node.data_dir);
  if (!dir) throw std::runtime_error(dir.error().detail);
  gateways::sweep_leftovers(dir->path(), gateways::run_dir_of(dir->path()), dir->instance());
  gateways::launcher launch(settings.isolation, dir->instance());
  actors::node_views views;
  actors::directory handles;
  auto egress = open_egress(settings.kernel.egress, actors::egress_of::code, views, handles);
  if (egress && !launch.mounts())
    throw std::runtime_error(
        "kernel.egress.mode = proxy needs isolation.level namespaces or full: see `troupe doctor`");
  auto web = open_egress(settings.browser.egress, actors::egress_of::browser, views, handles);
  gateways::blocking_pool blocking, looks, bytes(4), searches;
  gateways::file_pools pools{&bytes, &searches};
  gateways::store_gate store(views, bytes);
  const gateways::gates ways{egress.get(), &store};
  gateways::kernel_host host(settings.kernel, {dir->path(), dir->instance(), ways}, launch);
  gateways::command_host commands({settings.kernel.python, dir->instance(), ways}, launch);
  gateways::browser_host chrome(settings.browser, {dir->path(), dir->instance(), web.get()},
                                launch);
  gateways::commit_log commits(dir->path());
  gateways::system_clock clock;
  gateways::system_random random;
  views.isolation = launch.in_force();
  actors::env e{settings,
                dir->path(),
                clock.now(),
                clock,
                random,
                [&host](auto sink) { return host.make_port(std::move(sink)); },
                [&commands](auto sink) { return commands.make_port(std::move(sink)); },
                [&chrome](auto id, auto sink) { return chrome.make_port(id, std::move(sink)); },
                launch.sandboxes(),
                blocking,
                looks,
                commits,
                views,
                handles,
                [me = pthread_self()] { pthread_kill(me, gateways::start_signal); }};
  actors::node_config config(settings.node.threads);
  config.load<actors::here_first>();
  caf::actor_system sys(config);
  auto port = gateways::make_actor_port(sys, e);
  gateways::cdp_server cdp({settings.cdp, settings.node.insecure, dir->token()}, chrome);
  gateways::http_opener http(http_options(settings, *dir, cdp), views, *port, pools);
  gateways::readiness ready{.url = http.url(),
                            .cdp_url = "http://" + cdp.address(),
                            .insecure = settings.node.insecure,
                            .ready_file = settings.node.ready_file};
  auto root = sys.spawn(actors::supervisor, &e, children(e, commits, cdp, http));
  auto status = gateways::live(sys, e, root, signals, *dir, ready, began);
  *pools.stopping = true;  // the pools run what was posted before they end
  root = nullptr;
  handles.clear();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  return gateways::cli::run(argc, argv, [](const config::loaded& l) { return serve(l.values); });
}
