// The routes whose connections go on at the CDP gateway: whoever was admitted here comes there with
// a request that says no more than that one needs.
#include <nlohmann/json.hpp>

#include "gateways/http/handlers.hpp"
#include "protocol/cdp/screencast.hpp"
#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

/// What is behind the route's own segments, as it came.
std::string_view behind_prefix(std::string_view path) {
  std::size_t at = 0;
  for (int segment = 0; segment < 4 && at != path.npos; ++segment) at = path.find('/', at + 1);
  return at == path.npos ? std::string_view() : path.substr(at);
}

/// `path`: of the CDP gateway.
outcome hand_to_cdp(const services& s, const request& r, std::string_view path,
                    const protocol::http::target_parts& target) {
  if (!s.options.hand_to_cdp)
    return fault{error_code::unavailable, "this daemon has no browsers", {}, 0};
  const auto& id = r.params.at(0);
  auto prefix = "/v1/sandboxes/" + id + "/cdp";
  hand_over out;
  out.head.append(name_of(r.head.verb)).append(" ").append(prefix).append(path);
  if (!target.query.empty()) out.head.append("?").append(target.query);
  out.head.append(r.head.version < 11 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  add_line(out.head, "Host", target.authority.empty() ? r.head.host : target.authority);
  if (!r.head.origin.empty()) add_line(out.head, "Origin", r.head.origin);
  out.head.append(r.head.upgrade_lines).append("\r\n");
  out.take = [&hand = s.options.hand_to_cdp, id, prefix](int fd, std::string bytes) {
    hand(fd, std::move(bytes), id, prefix);
  };
  return out;
}

/// `name`: an id, its number, or "active"; empty when there is no such page.
std::string target_of(std::string_view pages, const std::string& name) {
  auto all = nlohmann::json::parse(pages, nullptr, false);
  if (!all.is_array()) return {};
  for (std::size_t i = 0; i < all.size(); ++i)
    if (name == all[i].value("id", "") || name == std::to_string(i) ||
        (name == "active" && all[i].value("active", false)))
      return all[i].value("target_id", "");
  return {};
}

}  // namespace

outcome reach_browser(const services& s, const request& r) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  auto target = protocol::http::split_target(r.head.target);
  if (!target) return target.error();
  return hand_to_cdp(s, r, behind_prefix(target->path), *target);
}

outcome watch_page(const services& s, const request& r) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  auto target = protocol::http::split_target(r.head.target);
  if (!target) return target.error();
  auto query = protocol::http::query::parse(target->query);
  if (!query) return query.error();
  if (auto options = protocol::cdp::read_screencast_options(*query); !options)
    return options.error();
  auto seen = s.views.browser(r.params.at(0));
  auto id = seen ? target_of(seen->pages, r.params.at(1)) : std::string();
  if (id.empty())
    return fault{error_code::page_not_found, "no page `" + r.params.at(1) + "`", {}, 0};
  return hand_to_cdp(s, r, "/screencast/" + id, *target);
}

}  // namespace gateways::http
