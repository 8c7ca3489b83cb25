#include "gateways/egress/proxy.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "gateways/egress/connection.hpp"
#include "gateways/process/blocking_pool.hpp"
#include "gateways/process/signals.hpp"
#include "protocol/egress/refusals.hpp"

namespace gateways {
namespace asio = boost::asio;

namespace {

using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::size_t resolver_threads = 8;
constexpr auto accept_again = std::chrono::milliseconds(100);

/// A connection has two files; half of what may be open is for the rest of the daemon.
std::size_t connections_in_all() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  return std::max<std::size_t>(16, std::min<std::size_t>(files.rlim_cur, 1 << 20) / 4);
}

/// What the workloads of one sandbox share.
struct household {
  explicit household(const std::string& id)
      : sandbox_id(id), refusals(id, std::chrono::steady_clock::now()) {}
  const std::string sandbox_id;
  std::shared_ptr<actors::egress_use> use;
  protocol::egress::refusals refusals;
  std::size_t connections = 0;
  std::size_t resolving = 0;
  std::size_t doors = 0;
};

/// Where one workload comes out.
struct door {
  door(asio::io_context& io, std::shared_ptr<household> h)
      : of(std::move(h)), init(io), listener(io), pause(io) {}
  std::shared_ptr<household> of;
  asio::posix::stream_descriptor init;
  tcp::acceptor listener;
  asio::steady_timer pause;
  std::set<std::weak_ptr<egress_connection>, std::owner_less<>> connections;
  bool waiting = false;  ///< for a connection to end, before it accepts another
};

}  // namespace

/// All but `open` is of the thread.
struct egress_proxy::core : std::enable_shared_from_this<core> {
  core(const config::egress_options& given, actors::egress_of whose_, actors::node_views& v,
       refusal_teller teller)
      : options(given),
        whose(whose_),
        views(v),
        rules(options.allow, options.deny),
        around{io, options, rules, views.counters,
               whose == actors::egress_of::code ? "kernel.egress.bytes_max"
                                                : "browser.egress.bytes_max"},
        tell(std::move(teller)) {}
  void run();
  void open(const std::string& sandbox_id, descriptor from);
  void watch(const std::shared_ptr<door>& d);
  void accept(const std::shared_ptr<door>& d);
  void accepted(const std::shared_ptr<door>& d, tcp::socket client);
  egress_client client_of(const std::shared_ptr<door>& d);
  bool resolve(const std::shared_ptr<household>& h, std::string host,
               std::function<void(resolved_host)> then);
  void refused(household& h, const protocol::egress::target& to, const std::string& rule);
  void cut(const household& h);
  void over(household& h);
  void close(const std::shared_ptr<door>& d);

  const config::egress_options options;
  const actors::egress_of whose;
  actors::node_views& views;
  const protocol::egress::policy rules;
  const std::size_t all_max = connections_in_all();
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  egress_surroundings around;
  refusal_teller tell;
  std::map<std::string, std::shared_ptr<household>> households;
  std::set<std::shared_ptr<door>> doors;
  std::size_t connections = 0;
  std::thread thread;
  blocking_pool resolvers{resolver_threads};  ///< first to go: what it runs posts to `io`
};

void egress_proxy::core::run() {
  ::pthread_setname_np(::pthread_self(), "egress");
  io.run();
}

// -- doors ---------------------------------------------------------------------------------------

void egress_proxy::core::open(const std::string& sandbox_id, descriptor from) {
  auto& h = households[sandbox_id];
  if (!h) h = std::make_shared<household>(sandbox_id);
  h->use = views.egress(sandbox_id, whose);
  auto d = std::make_shared<door>(io, h);
  d->init.assign(from.get());
  from.release();
  ++h->doors;
  doors.insert(d);
  watch(d);
}

/// First for the listener, then for the end.
void egress_proxy::core::watch(const std::shared_ptr<door>& d) {
  d->init.async_wait(asio::posix::stream_descriptor::wait_read, [this, d](error_code ec) {
    if (ec || !doors.contains(d)) return;
    auto fd = receive_listener(d->init.native_handle());
    if (d->listener.is_open()) return close(d);  // nothing more was to come but the end
    error_code failed = fd ? error_code() : asio::error::not_socket;
    if (fd) d->listener.assign(tcp::v4(), fd.get(), failed);
    if (failed) {
      spdlog::warn("egress_unavailable sandbox={} why=\"no listener came: {}\"", d->of->sandbox_id,
                   failed.message());
      return close(d);
    }
    fd.release();
    watch(d);
    accept(d);
  });
}

void egress_proxy::core::accept(const std::shared_ptr<door>& d) {
  d->waiting = d->of->connections >= options.connections_max || connections >= all_max;
  if (d->waiting) return;
  d->listener.async_accept([this, d](error_code ec, tcp::socket client) {
    if (!doors.contains(d)) return;
    if (!ec) {
      accepted(d, std::move(client));
      return accept(d);
    }
    // No file is left, most likely.
    d->pause.expires_after(accept_again);
    d->pause.async_wait([this, d](error_code cancelled) {
      if (!cancelled && doors.contains(d)) accept(d);
    });
  });
}

void egress_proxy::core::accepted(const std::shared_ptr<door>& d, tcp::socket client) {
  ++connections;
  ++d->of->connections;
  auto c = std::make_shared<egress_connection>(around, std::move(client), client_of(d));
  std::erase_if(d->connections, [](auto& each) { return each.expired(); });
  d->connections.insert(c);
  c->start();
}

egress_client egress_proxy::core::client_of(const std::shared_ptr<door>& d) {
  egress_client of;
  of.use = d->of->use;
  of.refused = [this, h = d->of](auto& to, auto& rule) { refused(*h, to, rule); };
  of.resolve = [this, h = d->of](std::string host, auto then) {
    return resolve(h, std::move(host), std::move(then));
  };
  of.cut = [this, h = d->of] { cut(*h); };
  // Connections that are there when all ends go with `io`.
  of.over = [weak = weak_from_this(), h = d->of] {
    if (auto self = weak.lock()) self->over(*h);
  };
  return of;
}

void egress_proxy::core::cut(const household& h) {
  for (auto& d : doors)
    for (auto& each : d->connections)
      if (auto c = each.lock(); c && d->of.get() == &h) c->cut();
}

void egress_proxy::core::over(household& h) {
  --connections;
  --h.connections;
  for (auto& d : doors)
    if (d->waiting) accept(d);
}

void egress_proxy::core::close(const std::shared_ptr<door>& d) {
  error_code ignored;
  d->init.close(ignored);
  d->listener.close(ignored);
  d->pause.cancel();
  for (auto& each : std::exchange(d->connections, {}))
    if (auto c = each.lock()) c->close();
  doors.erase(d);
  if (--d->of->doors == 0) households.erase(d->of->sandbox_id);
}

// -- what connections ask for --------------------------------------------------------------------

/// One name of a sandbox after the other: slow ones hold up nobody else.
bool egress_proxy::core::resolve(const std::shared_ptr<household>& h, std::string host,
                                 std::function<void(resolved_host)> then) {
  if (h->resolving >= options.connections_max) return false;
  ++h->resolving;
  resolvers.post(h->sandbox_id, [this, h, host = std::move(host), then = std::move(then)] {
    auto found = io.stopped() ? resolved_host{} : resolve_host(host);
    asio::post(io, [h, then, found = std::move(found)] {
      --h->resolving;
      then(found);
    });
  });
  return true;
}

void egress_proxy::core::refused(household& h, const protocol::egress::target& to,
                                 const std::string& rule) {
  around.counters.egress_refusals.fetch_add(1, std::memory_order_relaxed);
  auto data = h.refusals.refused(to, rule, std::chrono::steady_clock::now());
  if (!data) return;
  spdlog::info("egress_refused {}", *data);
  tell(std::move(*data));
}

// -- the gate ------------------------------------------------------------------------------------

egress_proxy::egress_proxy(const config::egress_options& options, actors::egress_of whose,
                           actors::node_views& views, refusal_teller tell)
    : core_(std::make_shared<core>(options, whose, views, std::move(tell))) {
  all_signals_blocked in_new_threads;
  core_->thread = std::thread([c = core_.get()] { c->run(); });
}

egress_proxy::~egress_proxy() {
  core_->io.stop();
  core_->thread.join();
}

protocol::result<descriptor> egress_proxy::connect(const std::string& sandbox_id) {
  auto channel = open_gate_channel();
  if (!channel) return channel.error();
  asio::post(core_->io, [c = core_.get(), sandbox_id,
                         fd = std::make_shared<descriptor>(std::move(channel->ours))] {
    try {
      c->open(sandbox_id, std::move(*fd));
    } catch (const std::exception& e) {  // Asio cannot watch it: this workload has no way out
      spdlog::error("egress_unavailable sandbox={} why=\"{}\"", sandbox_id, e.what());
    }
  });
  return std::move(channel->theirs);
}

}  // namespace gateways
