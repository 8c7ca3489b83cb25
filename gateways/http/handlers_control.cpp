// Routes on the daemon itself, and the reference control plane's on sandbox `default`, kernel
// `main`.
#include <array>
#include <chrono>
#include <fstream>
#include <sstream>

#include "gateways/http/handlers.hpp"
#include "protocol/json.hpp"
#include "protocol/resource.hpp"

namespace gateways::http {
namespace {

using nlohmann::ordered_json;

std::string_view node_status(const services& s) {
  if (s.views.draining) return "draining";
  return s.views.ready ? "ok" : "starting";
}

std::shared_ptr<const actors::kernel_snapshot> the_kernel(const services& s) {
  return s.views.kernel(default_sandbox, main_kernel);
}

/// What there is to say of a kernel that does not exist yet, or no more.
const actors::kernel_snapshot& no_kernel() {
  static const actors::kernel_snapshot none = [] {
    actors::kernel_snapshot k;
    k.json = to_json(k.view);
    k.status = protocol::buffer(kernel_status_json(k.view));
    return k;
  }();
  return none;
}

bool alive(const actors::kernel_snapshot& k) {
  return k.status.view().find("\"kernel_alive\":true") != std::string::npos;
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json pid_or_null(int pid) {
  return pid == 0 ? ordered_json(nullptr) : ordered_json(pid);
}

ordered_json read_connection(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  auto parsed = ordered_json::parse(bytes.str(), nullptr, false);
  return parsed.is_discarded() ? ordered_json(nullptr) : parsed;
}

outcome ask_kernel(client_call what, std::function<void(answer&)> adapt) {
  plan p;
  p.call = std::move(what);
  p.adapt = std::move(adapt);
  return p;
}

ordered_json policy_json(const config::restart_policy& p) {
  constexpr std::array on{"never", "abnormal", "always"};
  constexpr std::array then{"fail", "escalate"};
  return {{"restart_on", on[static_cast<std::size_t>(p.on)]},
          {"max_restarts", p.max_restarts},
          {"window_ms", p.window_ms},
          {"backoff_min_ms", p.backoff_min_ms},
          {"backoff_max_ms", p.backoff_max_ms},
          {"jitter", p.jitter},
          {"stable_after_ms", p.stable_after_ms},
          {"stop_grace_ms", p.stop_grace_ms},
          {"when_exhausted", then[static_cast<std::size_t>(p.then)]}};
}

ordered_json node_json(const actors::tree_entry& e, protocol::unix_ms now) {
  auto up_s = e.started_at == 0 ? 0.0 : static_cast<double>(now - e.started_at) / 1e3;
  auto slash = e.path.rfind('/');
  return {{"name", slash == std::string::npos ? e.path : e.path.substr(slash + 1)},
          {"path", e.path},
          {"state", e.state},
          {"generation", e.generation},
          {"restarts", e.restarts},
          {"last_cause", ordered_json::parse(to_json(e.last_cause))},
          {"uptime_s", up_s},
          {"policy", policy_json(e.policy)},
          {"children", ordered_json::array()}};
}

/// Takes `all[at]` with everything below it; leaves `at` behind them. Parents come first.
ordered_json take_branch(const std::vector<actors::tree_entry>& all, std::size_t& at,
                         protocol::unix_ms now) {
  auto node = node_json(all[at], now);
  auto below = all[at].path + "/";
  for (++at; at < all.size() && all[at].path.starts_with(below);)
    node["children"].push_back(take_branch(all, at, now));
  return node;
}

/// So that what is below a path follows it at once: as the map's order, but `/` before all else.
bool tree_order(const actors::tree_entry& a, const actors::tree_entry& b) {
  auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)); };
  return std::ranges::lexicographical_compare(a.path, b.path, {}, rank, rank);
}

ordered_json isolation_json(const services& s) {
  return {{"level", s.views.isolation.level}, {"missing", s.views.isolation.missing}};
}

}  // namespace

outcome get_root(const services& s, const request&) {
  return json_answer(200, ordered_json{{"service", "troupe"},
                                       {"version", s.options.version},
                                       {"status", node_status(s)}}
                              .dump());
}

outcome get_livez(const services&, const request&) {
  return json_answer(200, R"({"status":"alive"})");
}

outcome get_readyz(const services& s, const request&) {
  if (s.views.draining) return fault{error_code::draining, "the daemon shuts down", {}, 1};
  if (!s.views.ready) return fault{error_code::starting, "the kernel main is not ready yet", {}, 1};
  bool durable = s.views.durable;
  ordered_json body{{"status", "ready"}, {"durable", durable}, {"isolation", isolation_json(s)}};
  if (!durable)
    body["reason"] = "the journal cannot write; what ends now may be forgotten by a crash";
  return json_answer(200, body.dump());
}

outcome get_metrics(const services& s, const request&) {
  return answer{200,
                "text/plain; version=0.0.4; charset=utf-8",
                {},
                protocol::buffer(render_metrics(s.views, s.stats))};
}

outcome get_openapi(const services& s, const request&) {
  return answer{200, name_of(media::json), {}, s.openapi()};
}

outcome get_health(const services& s, const request&) {
  auto kernel = the_kernel(s);
  const auto& k = kernel ? *kernel : no_kernel();
  answer out{alive(k) ? 200 : 503, name_of(media::json), {}, k.status};
  if (!alive(k)) add_line(out.lines, "Retry-After", "1");
  return out;
}

outcome get_kernel_status(const services& s, const request&) {
  auto kernel = the_kernel(s);
  return answer{200, name_of(media::json), {}, kernel ? kernel->status : no_kernel().status};
}

outcome get_kernel_connection(const services& s, const request&) {
  auto kernel = the_kernel(s);
  const auto& k = kernel ? *kernel : no_kernel();
  auto info = k.view.connection_file.empty() ? ordered_json(nullptr)
                                             : read_connection(k.view.connection_file);
  return json_answer(200, ordered_json{{"success", !info.is_null()},
                                       {"connection_file", text_or_null(k.view.connection_file)},
                                       {"connection_info", info},
                                       {"kernel_alive", alive(k)},
                                       {"kernel_pid", pid_or_null(k.view.pid)}}
                              .dump());
}

outcome get_kernel_connection_file(const services& s, const request&) {
  auto kernel = the_kernel(s);
  const auto& k = kernel ? *kernel : no_kernel();
  return json_answer(200, ordered_json{{"success", !k.view.connection_file.empty()},
                                       {"connection_file", text_or_null(k.view.connection_file)},
                                       {"kernel_alive", alive(k)}}
                              .dump());
}

outcome get_kernel_debug(const services& s, const request&) {
  auto kernel = the_kernel(s);
  const auto& k = kernel ? *kernel : no_kernel();
  const auto& c = s.views.counters;
  ordered_json body{{"success", kernel != nullptr},
                    {"kernel_alive", alive(k)},
                    {"kernel", kernel ? ordered_json::parse(k.json) : ordered_json(nullptr)},
                    {"sandboxes", s.views.sandboxes().size()},
                    {"kernels", s.views.all_kernels().size()},
                    {"durable", s.views.durable.load()},
                    {"counters",
                     {{"executions_started", c.executions_started.load()},
                      {"kernel_starts", c.kernel_starts.load()},
                      {"kernel_deaths", c.kernel_deaths.load()},
                      {"actor_deaths", c.actor_deaths.load()},
                      {"events_appended", c.events_appended.load()},
                      {"malformed_messages", c.malformed_messages.load()}}}};
  return json_answer(200, body.dump());
}

outcome post_kernel_reset(const services& s, const request&) {
  auto kernel = the_kernel(s);
  if (!kernel) return kernel_missing(default_sandbox, main_kernel);
  auto adapt = [old = kernel->view.connection_file](answer& a) {
    auto now = ordered_json::parse(a.body.view(), nullptr, false);
    auto file = now.is_object() ? now.value("connection_file", ordered_json()) : ordered_json();
    ordered_json body{
        {"success", true},
        {"message", "The kernel was restarted"},
        {"data", {{"old_connection_file", text_or_null(old)}, {"new_connection_file", file}}}};
    a = json_answer(200, body.dump());
  };
  return ask_kernel(
      call::restart_kernel{std::string(default_sandbox), std::string(main_kernel), true},
      std::move(adapt));
}

outcome post_kernel_interrupt(const services& s, const request&) {
  auto kernel = the_kernel(s);
  if (!kernel) return kernel_missing(default_sandbox, main_kernel);
  auto adapt = [pid = kernel->view.pid](answer& a) {
    a = json_answer(200, ordered_json{{"success", true},
                                      {"message", "The kernel was interrupted"},
                                      {"data", {{"kernel_pid", pid_or_null(pid)}}}}
                             .dump());
  };
  return ask_kernel(call::interrupt_kernel{std::string(default_sandbox), std::string(main_kernel)},
                    std::move(adapt));
}

outcome get_supervisor(const services& s, const request&) {
  auto all = s.views.tree();
  std::ranges::sort(all, tree_order);
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                 std::chrono::system_clock::now().time_since_epoch())
                 .count();
  auto roots = ordered_json::array();
  for (std::size_t at = 0; at < all.size();) roots.push_back(take_branch(all, at, now));
  if (roots.size() == 1) {
    roots[0]["isolation"] = isolation_json(s);
    return json_answer(200, roots[0].dump());
  }
  // Before the supervisor shows itself there is no root to put the others under.
  return json_answer(200, ordered_json{{"name", "supervisor"},
                                       {"path", "supervisor"},
                                       {"state", "starting"},
                                       {"children", roots}}
                              .dump());
}

}  // namespace gateways::http
