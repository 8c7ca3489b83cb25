// The site of a sandbox: who may see it, and what is there.
#include <cerrno>
#include <ctime>

#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "gateways/http/render.hpp"
#include "gateways/http/site.hpp"
#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;
namespace paths = protocol::files;
using sandbox_shared = std::shared_ptr<const protocol::sandbox_view>;

constexpr std::string_view cookie_name = "troupe_deploy";
constexpr std::string_view key_parameter = "troupe_key=";

/// Of every answer of a site: what code made talks to its own origin only.
void add_policy(std::string& lines) {
  add_line(lines, "Content-Security-Policy",
           "default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self'; frame-ancestors "
           "'self' http://localhost:* http://127.0.0.1:*; form-action 'self'; base-uri 'self'");
  add_line(lines, "Referrer-Policy", "no-referrer");
  add_line(lines, "Cross-Origin-Opener-Policy", "same-origin");
  add_line(lines, "Cross-Origin-Resource-Policy", "same-origin");
  add_line(lines, "X-Content-Type-Options", "nosniff");
}

/// The one of that very name, or the only one that is called so when case is ignored.
sandbox_shared find_sandbox(const actors::node_views& views, std::string_view name) {
  if (auto exact = views.sandbox(name)) return exact;
  sandbox_shared found;
  for (auto& each : views.sandboxes()) {
    if (!web::same_word(each->spec.id, name)) continue;
    if (found) return nullptr;
    found = each;
  }
  return found;
}

/// When the key expires, or why it opens nothing.
protocol::result<std::uint64_t> check_key(const services& s, const protocol::sandbox_spec& of,
                                          std::string_view key) {
  auto expires_s = s.signer.site_key_expiry(of.id, of.created_at, key);
  if (!expires_s)
    return fault{error_code::unauthorized, "the link or cookie is not for this site", {}, 0};
  if (*expires_s < static_cast<std::uint64_t>(std::time(nullptr)))
    return fault{error_code::unauthorized, "the link or cookie has expired", {}, 0};
  return *expires_s;
}

std::optional<fault> check_access(const services& s, const gatekeeper& gate,
                                  const protocol::sandbox_spec& of, const request_head& head) {
  if (gate.token_valid(head.authorization)) return std::nullopt;
  fault why{
      error_code::unauthorized, "the request has neither the token nor a link's cookie", {}, 0};
  if (!head.authorization.empty()) {
    why.detail = "the token is not valid";
    return why;
  }
  for (auto key : cookies_named(head.cookie, cookie_name)) {
    auto expires_s = check_key(s, of, key);
    if (expires_s) return std::nullopt;
    why = expires_s.error();
  }
  return why;
}

/// The link's key becomes a cookie, and is gone from what the browser shows.
answer give_cookie(const site_target& to, std::string_view key, std::uint64_t expires_s) {
  answer out{303, {}, {}, {}};
  auto age_s = expires_s - static_cast<std::uint64_t>(std::time(nullptr));
  add_line(out.lines, "Set-Cookie",
           std::string(cookie_name) + "=" + std::string(key) +
               "; Max-Age=" + std::to_string(age_s) + "; Path=/; HttpOnly; SameSite=Lax");
  add_line(out.lines, "Location", to.location());
  return out;
}

file_outcome read_site(const files::root& workspace, site_target to, reading what) {
  auto in = workspace.inner(std::string(paths::name_of(paths::zone::deploy)));
  if (!in) return in.error();
  auto file = files::open_for_reading(*in, what.path);
  if (!file) return file.error();
  auto is_folder = [&] { return file->is.is == paths::kind::folder; };
  if (is_folder() && !to.as_folder) {
    to.as_folder = true;
    answer out{301, {}, {}, {}};
    add_line(out.lines, "Location", to.location());
    return out;
  }
  if (is_folder()) {
    what.path = paths::joined(what.path, "index.html");
    file = files::open_for_reading(*in, what.path);
    if (!file) return file.error();
    to.as_folder = false;
  }
  if (is_folder() || to.as_folder) return files::failure(ENOENT, what.path);
  return give(std::move(*file), what);
}

}  // namespace

std::string site_target::location() const {
  auto out = "/" + percent_encoded(path);
  if (as_folder && !path.empty()) out += '/';
  if (!query.empty()) out += "?" + query;
  return out;
}

protocol::result<site_target> parse_site_target(std::string_view target) {
  auto parts = web::split_target(target);
  if (!parts) return parts.error();
  auto segments = web::split_path(parts->path);
  if (!segments) return segments.error();
  auto joined = web::join_path(*segments);
  if (!joined) return joined.error();
  auto path = paths::parse_path(*joined);
  if (!path) return path.error();
  site_target out{std::move(*path), parts->path.ends_with('/'), {}, {}};
  out.as_folder = out.as_folder || out.path.empty();
  for (auto left = parts->query; !left.empty();) {
    auto pair = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(left.size(), pair.size() + 1));
    if (pair.starts_with(key_parameter)) {
      out.key = pair.substr(key_parameter.size());
    } else if (!pair.empty()) {
      if (!out.query.empty()) out.query += '&';
      out.query += pair;
    }
  }
  return out;
}

std::string site_link(std::string_view sandbox_id, std::string_view host, std::string_view key) {
  std::string out = "http://";
  out.append(sandbox_id).append(site_suffix).append(host.substr(host_name(host).size()));
  return out.append("/?").append(key_parameter).append(key);
}

std::vector<std::string_view> cookies_named(std::string_view cookies, std::string_view name) {
  std::vector<std::string_view> out;
  while (!cookies.empty()) {
    auto pair = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(cookies.size(), pair.size() + 1));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      out.push_back(pair.substr(name.size() + 1));
  }
  return out;
}

std::optional<answer> admit_to_site(const services& s, const gatekeeper& gate,
                                    std::string_view host, std::string_view name, request& r) {
  add_policy(r.lines);
  auto refused = [&](const fault& f) { return problem_answer(f, r.id); };
  if (!gatekeeper::same_origin(r.head.origin, host))
    return refused({error_code::origin_not_allowed, "the Origin is " + r.head.origin, {}, 0});
  auto sandbox = find_sandbox(s.views, name);
  if (!sandbox) return refused(sandbox_missing(s, name));
  if (r.head.verb != method::get && r.head.verb != method::head) {
    auto out = refused({error_code::method_not_allowed, "a site is only read", {}, 0});
    add_line(out.lines, "Allow", "GET, HEAD");
    return out;
  }
  auto to = parse_site_target(r.head.target);
  if (!to) return refused(to.error());
  if (to->key) {
    auto expires_s = check_key(s, sandbox->spec, *to->key);
    if (!expires_s) return refused(expires_s.error());
    return give_cookie(*to, *to->key, *expires_s);
  }
  if (auto f = check_access(s, gate, sandbox->spec, r.head)) return refused(*f);
  r.params = {sandbox->spec.id};
  return std::nullopt;
}

outcome get_site(const services& s, const request& r) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto to = parse_site_target(r.head.target);
  if (!to) return to.error();
  auto what = reading_of(r, to->path, {});
  return at->plan_of([to = std::move(*to), what = std::move(what)](const files::root& in) {
    return read_site(in, to, what);
  });
}

}  // namespace gateways::http
