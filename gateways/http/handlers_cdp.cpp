// The routes below /v1/sandboxes/{sandbox_id}/cdp: whoever was admitted here goes on at the CDP
// gateway, with a request that says no more than that one needs.
#include "gateways/http/handlers.hpp"
#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

/// What is behind the route's own segments, as it came.
std::string_view behind_prefix(std::string_view path) {
  std::size_t at = 0;
  for (int segment = 0; segment < 4 && at != path.npos; ++segment) at = path.find('/', at + 1);
  return at == path.npos ? std::string_view() : path.substr(at);
}

}  // namespace

outcome reach_browser(const services& s, const request& r) {
  const auto& id = r.params.at(0);
  if (!s.views.sandbox(id)) return sandbox_missing(s, id);
  if (!s.options.hand_to_cdp)
    return fault{error_code::unavailable, "this daemon has no browsers", {}, 0};
  auto target = protocol::http::split_target(r.head.target);
  if (!target) return target.error();
  auto prefix = "/v1/sandboxes/" + id + "/cdp";
  hand_over out;
  out.head.append(name_of(r.head.verb)).append(" ").append(prefix);
  out.head.append(behind_prefix(target->path));
  if (!target->query.empty()) out.head.append("?").append(target->query);
  out.head.append(r.head.version < 11 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  add_line(out.head, "Host", target->authority.empty() ? r.head.host : target->authority);
  if (!r.head.origin.empty()) add_line(out.head, "Origin", r.head.origin);
  out.head.append(r.head.upgrade_lines).append("\r\n");
  out.take = [&hand = s.options.hand_to_cdp, id, prefix](int fd, std::string bytes) {
    hand(fd, std::move(bytes), id, prefix);
  };
  return out;
}

}  // namespace gateways::http
