// Routes on sandboxes, turns and kernels: reading from the views, changing through the port.
#include "gateways/http/handlers.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"
#include "protocol/json.hpp"
#include "protocol/resource.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;

outcome ask(client_call what, std::function<void(answer&)> adapt = {}) {
  plan p;
  p.call = std::move(what);
  p.adapt = std::move(adapt);
  return p;
}

std::string joined(std::string_view name, const std::vector<std::string>& items) {
  std::string out = "{\"" + std::string(name) + "\":[";
  for (const auto& item : items) {
    if (out.back() != '[') out += ',';
    out += item;
  }
  return out + "]}";
}

/// The kernel that the path names, or why there is none.
protocol::result<std::shared_ptr<const actors::kernel_snapshot>> kernel_of(const services& s,
                                                                           const request& r) {
  const auto &sandbox_id = r.params.at(0), &kernel_id = r.params.at(1);
  if (!s.views.sandbox(sandbox_id)) return sandbox_missing(s, sandbox_id);
  auto found = s.views.kernel(sandbox_id, kernel_id);
  if (!found) return kernel_missing(sandbox_id, kernel_id);
  return found;
}

}  // namespace

fault sandbox_missing(const services& s, std::string_view sandbox_id) {
  if (sandbox_id == default_sandbox && !s.views.ready)
    return {error_code::starting, "the sandbox default does not exist yet", {}, 1};
  auto name = protocol::json_string(sandbox_id);
  return {error_code::sandbox_not_found, "there is no sandbox " + name,
          "{\"sandbox_id\":" + name + "}", 0};
}

fault kernel_missing(std::string_view sandbox_id, std::string_view kernel_id) {
  auto sandbox = protocol::json_string(sandbox_id), kernel = protocol::json_string(kernel_id);
  return {error_code::kernel_not_found, "the sandbox " + sandbox + " has no kernel " + kernel,
          "{\"sandbox_id\":" + sandbox + ",\"kernel_id\":" + kernel + "}", 0};
}

std::function<void(answer&)> located(std::string prefix) {
  return [prefix = std::move(prefix)](answer& a) {
    auto body = nlohmann::json::parse(a.body.view(), nullptr, false);
    if (body.is_object() && body.contains("id") && body["id"].is_string())
      add_line(a.lines, "Location", prefix + body["id"].get<std::string>());
  };
}

outcome list_sandboxes(const services& s, const request&) {
  std::vector<std::string> items;
  for (const auto& sandbox : s.views.sandboxes()) items.push_back(to_json(*sandbox));
  return json_answer(200, joined("sandboxes", items));
}

outcome create_sandbox(const services& s, const request& r) {
  auto body = web::read_body(r.body, s.rules.sandbox);
  if (!body) return body.error();
  auto spec = web::read_sandbox(*body, s.rules);
  if (!spec.id.empty() && s.views.sandbox(spec.id))
    return fault{error_code::already_exists, "there is a sandbox " + spec.id + " already", {}, 0};
  return ask(call::create_sandbox{std::move(spec)}, located("/v1/sandboxes/"));
}

outcome get_sandbox(const services& s, const request& r) {
  auto sandbox = s.views.sandbox(r.params.at(0));
  if (!sandbox) return sandbox_missing(s, r.params.at(0));
  return json_answer(200, to_json(*sandbox));
}

outcome delete_sandbox(const services& s, const request& r) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  return ask(call::delete_sandbox{r.params.at(0)});
}

outcome begin_turn(const services& s, const request& r) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  auto body = web::read_body(r.body, s.rules.turn);
  if (!body) return body.error();
  return ask(call::begin_turn{r.params.at(0), web::read_turn(*body)});
}

outcome get_limits(const services& s, const request& r) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  return ask(call::get_limits{r.params.at(0)});
}

outcome change_limits(const services& s, const request& r) {
  auto sandbox = s.views.sandbox(r.params.at(0));
  if (!sandbox) return sandbox_missing(s, r.params.at(0));
  auto body = web::read_body(r.body, s.rules.limits);
  if (!body) return body.error();
  return ask(call::change_limits{r.params.at(0),
                                 web::read_limits(*body, s.rules.limits_of(sandbox->spec.mode))});
}

outcome list_kernels(const services& s, const request& r) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  std::vector<std::string> items;
  for (const auto& kernel : s.views.kernels(r.params.at(0))) items.push_back(kernel->json);
  return json_answer(200, joined("kernels", items));
}

outcome create_kernel(const services& s, const request& r) {
  const auto& sandbox_id = r.params.at(0);
  if (!s.views.sandbox(sandbox_id)) return sandbox_missing(s, sandbox_id);
  auto body = web::read_body(r.body, s.rules.kernel);
  if (!body) return body.error();
  auto id = web::read_kernel(*body);
  if (!id.empty() && s.views.kernel(sandbox_id, id))
    return fault{error_code::already_exists, "the sandbox has a kernel " + id + " already", {}, 0};
  return ask(call::create_kernel{sandbox_id, std::move(id)},
             located("/v1/sandboxes/" + sandbox_id + "/kernels/"));
}

outcome get_kernel(const services& s, const request& r) {
  auto kernel = kernel_of(s, r);
  if (!kernel) return kernel.error();
  return json_answer(200, (*kernel)->json);
}

outcome delete_kernel(const services& s, const request& r) {
  if (auto kernel = kernel_of(s, r); !kernel) return kernel.error();
  return ask(call::delete_kernel{r.params.at(0), r.params.at(1)});
}

outcome interrupt_kernel(const services& s, const request& r) {
  if (auto kernel = kernel_of(s, r); !kernel) return kernel.error();
  return ask(call::interrupt_kernel{r.params.at(0), r.params.at(1)});
}

outcome restart_kernel(const services& s, const request& r) {
  if (auto kernel = kernel_of(s, r); !kernel) return kernel.error();
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  bool wait = false;
  if (auto text = query->find("wait")) {
    auto value = web::parse_switch(*text);
    if (!value) return web::invalid_fields({{"?wait", "must be true or false"}});
    wait = *value;
  }
  return ask(call::restart_kernel{r.params.at(0), r.params.at(1), wait});
}

}  // namespace gateways::http
