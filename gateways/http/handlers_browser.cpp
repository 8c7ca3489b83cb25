#include <nlohmann/json.hpp>

#include "gateways/http/handlers.hpp"
#include "gateways/http/render.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;

/// Where clients of the Chrome DevTools Protocol find it.
std::string cdp_url(const services& s, const request& r, std::string_view sandbox_id) {
  if (sandbox_id == default_sandbox && !s.options.cdp_url.empty()) return s.options.cdp_url;
  return "http://" + r.head.host + "/v1/sandboxes/" + std::string(sandbox_id) + "/cdp";
}

/// `otherwise`, or what the query says.
protocol::result<bool> wait_of(const request& r, bool otherwise) {
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto text = query->find("wait");
  if (!text) return otherwise;
  auto value = web::parse_switch(*text);
  if (!value) return web::invalid_fields({{"?wait", "must be true or false"}});
  return *value;
}

outcome order(const services& s, const request& r, call::browser_order what, bool waits) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  auto wait = wait_of(r, waits);
  if (!wait) return wait.error();
  plan p;
  p.call = call::order_browser{r.params.at(0), what, *wait};
  p.adapt = [url = cdp_url(s, r, r.params.at(0))](answer& a) {
    auto body = nlohmann::ordered_json::parse(a.body.view(), nullptr, false);
    if (!body.is_object()) return;
    body["cdp_url"] = url;
    a.body = protocol::buffer(body.dump());
  };
  return p;
}

}  // namespace

outcome get_browser(const services& s, const request& r) {
  const auto& id = r.params.at(0);
  if (!s.views.sandbox(id)) return sandbox_missing(s, id);
  protocol::browser_view none{.sandbox_id = id};
  auto seen = s.views.browser(id);
  return json_answer(200, to_json(seen ? *seen : none, cdp_url(s, r, id)));
}

outcome start_browser(const services& s, const request& r) {
  return order(s, r, call::browser_order::start, true);
}

outcome restart_browser(const services& s, const request& r) {
  return order(s, r, call::browser_order::restart, false);
}

outcome stop_browser(const services& s, const request& r) {
  return order(s, r, call::browser_order::stop, true);
}

}  // namespace gateways::http
