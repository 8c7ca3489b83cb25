#include "gateways/http/dispatcher.hpp"

#include <spdlog/spdlog.h>

#include <ctime>
#include <random>

#include "actors/limiter/turn_ledger.hpp"
#include "gateways/http/handlers.hpp"
#include "gateways/http/site.hpp"
#include "protocol/files/path.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"
#include "protocol/json.hpp"

namespace gateways::http {
namespace {

using protocol::error_code;
using protocol::fault;

constexpr std::size_t target_bytes_max = 8'192;

bool sane_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > 128) return false;
  for (char c : id) {
    bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '.' || c == '_' || c == '-';
    if (!fine) return false;
  }
  return true;
}

using target_found = protocol::result<protocol::http::target_parts>;

/// What the client takes the daemon for.
std::string_view host_of(const request_head& head, const target_found& target) {
  return target && !target->authority.empty() ? target->authority : std::string_view(head.host);
}

std::string members(std::string_view name, std::uint64_t value) {
  return "{\"" + std::string(name) + "\":" + std::to_string(value) + "}";
}

fault make_fault(error_code code, std::string detail, std::string more = {}) {
  return {code, std::move(detail), std::move(more), 0};
}

bool is_json(std::string_view content_type) {
  auto type = protocol::http::essence(content_type);
  return type.empty() || protocol::http::same_word(type, "application/json") ||
         (type.size() > 5 && protocol::http::same_word(type.substr(type.size() - 5), "+json"));
}

}  // namespace

dispatcher::dispatcher(const http_server_options& options, actors::node_views& views)
    : options_(options),
      views_(views),
      rules_(options.kernel, options.sandbox, options.limits),
      router_(make_routes(rules_)),
      site_{.pattern = "{sandbox_id}.deploy.localhost",
            .id = "getSite",
            .handle = get_site,
            .index = router_.routes().size()},
      openapi_([this, made = protocol::buffer()]() mutable {
        if (made.empty()) made = protocol::buffer(openapi_json(router_.routes(), options_.version));
        return made;
      }),
      signer_(options.token),
      services_{options_, views_, rules_, stats_, openapi_, signer_, watches_},
      gate_(options.http, options.insecure, options.token),
      limiter_(options.limits.requests_per_s, options.limits.requests_burst),
      rate_policy_(limiter_.unlimited() ? "" : limiter_.policy()),
      next_id_((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {
  for (const auto& r : router_.routes()) stats_.add_route(name_of(r.verb), r.pattern);
  stats_.add_route(name_of(site_.verb), site_.pattern);
}

void dispatcher::name_request(request& r) {
  if (!r.id.empty()) return;
  if (sane_id(r.head.request_id)) {
    r.id = r.head.request_id;
    return;
  }
  // A counter stirred by an odd factor: unique for 2^64 requests, and no two look alike.
  auto bits = next_id_++ * 0x9e3779b97f4a7c15ULL;
  r.id = "req_";
  for (int i = 0; i < 13; ++i, bits >>= 5) r.id += "0123456789abcdefghjkmnpqrstvwxyz"[bits & 31];
}

std::optional<answer> dispatcher::admit(request& r, const peer& from, time_point now) {
  r.began = now;
  name_request(r);
  auto refused = [&](const fault& f) { return problem_answer(f, r.id); };
  if (!r.head.flaw.empty())
    return refused(make_fault(error_code::malformed_request, std::string(r.head.flaw)));
  auto target = protocol::http::split_target(r.head.target);
  auto host = host_of(r.head, target);
  if (auto f = check_host(r.head, host, from)) return refused(*f);
  if (auto site = site_name(host)) {
    r.to = &site_;
    return admit_to_site(services_, gate_, host, *site, r);
  }
  if (auto f = check_origin(r, host)) return refused(*f);
  if (r.head.target.size() > target_bytes_max)
    return refused(make_fault(error_code::uri_too_long,
                              "the target has " + std::to_string(r.head.target.size()) + " bytes",
                              members("limit_bytes", target_bytes_max)));
  auto missed = target ? find_route(r, *target) : problem_answer(target.error(), r.id);
  if (auto limit = body_limit(r); r.head.length > limit.bytes) return refused(limit.fault());
  if (auto f = check_token(r)) return refused(*f);
  if (missed) return missed;
  if (auto f = check_body(r)) return refused(*f);
  r.client = gate_.insecure() ? from.client_ip : "token";
  if (!r.to->makes_work()) return std::nullopt;
  if (auto f = check_readiness(*r.to)) return refused(*f);
  if (auto f = check_rate(r, now)) return refused(*f);
  return std::nullopt;
}

dispatcher::bound dispatcher::body_limit(const request& r) const {
  if (r.to && r.to->takes_bytes) return {options_.http.upload_bytes_max, "http.upload_bytes_max"};
  return {options_.http.body_bytes_max, "http.body_bytes_max"};
}

fault dispatcher::bound::fault() const {
  return make_fault(error_code::body_too_large, "the body is larger than " + std::string(option),
                    members("limit_bytes", bytes));
}

std::optional<fault> dispatcher::check_token(const request& r) const {
  bool open = (r.to && r.to->open) || r.head.verb == method::options;
  if (open || gate_.token_valid(r.head.authorization)) return std::nullopt;
  if (!r.head.authorization.empty())
    return make_fault(error_code::unauthorized, "the token is not valid");
  if (!r.to || !r.to->tail || r.to->hands_over)
    return make_fault(error_code::unauthorized, "the request has no token");
  auto signed_for = check_signature(r);
  if (signed_for) return std::nullopt;
  return signed_for.error();
}

/// Of a file's URL that stands for itself.
protocol::result<void> dispatcher::check_signature(const request& r) const {
  auto refused = [](const char* why) { return make_fault(error_code::unauthorized, why); };
  auto query = protocol::http::query::parse(r.query);
  if (!query) return query.error();
  auto given = query->find("signature");
  auto expires = protocol::http::parse_count(query->find("expires").value_or(""));
  if (!given || !expires) return refused("the request has no token");
  auto sandbox = views_.sandbox(r.params.at(0));
  auto path = protocol::files::parse_path(r.params.at(1));
  bool reads = r.head.verb == method::get || r.head.verb == method::head;
  signed_access what{reads ? "GET" : name_of(r.head.verb), r.params[0],
                     sandbox ? sandbox->spec.created_at : 0,
                     path ? std::string_view(*path) : std::string_view(), *expires};
  if (!sandbox || !path || !signer_.valid(what, *given))
    return refused("the URL is not signed for this");
  if (*expires < static_cast<std::uint64_t>(std::time(nullptr)))
    return refused("the signed URL has expired");
  return {};
}

std::optional<fault> dispatcher::check_host(const request_head& head, std::string_view host,
                                            const peer& from) const {
  if (!head.has_host && head.version >= 11)
    return make_fault(error_code::malformed_request, "the request has no Host");
  if (head.has_host && !site_name(host) && !gate_.host_allowed(host, from.local_ip))
    return make_fault(error_code::host_not_allowed, "the Host is " + std::string(host));
  return std::nullopt;
}

std::optional<fault> dispatcher::check_origin(request& r, std::string_view host) const {
  const auto& head = r.head;
  if (head.origin.empty()) return std::nullopt;
  if (gate_.origin_allowed(head.origin)) {
    add_line(r.lines, "Access-Control-Allow-Origin", head.origin);
    add_line(
        r.lines, "Access-Control-Expose-Headers",
        "Accept-Ranges, Content-Range, ETag, Location, Retry-After, RateLimit, "
        "RateLimit-Policy, Troupe-Command-Id, Troupe-Cursor, Troupe-Execution-Id, X-Request-Id");
    add_line(r.lines, "Vary", "Origin");
    return std::nullopt;
  }
  if (gatekeeper::same_origin(head.origin, host)) return std::nullopt;
  return make_fault(error_code::origin_not_allowed, "the Origin is " + head.origin);
}

std::optional<answer> dispatcher::find_route(request& r, const protocol::http::target_parts& at) {
  r.query = at.query;
  auto found = router_.find(at.path, r.params);
  if (!found) return problem_answer(found.error(), r.id);
  if (!*found)
    return problem_answer(
        make_fault(error_code::route_not_found, "nothing is at " + std::string(at.path)), r.id);
  const auto& place = **found;
  r.to = place.by_method[static_cast<std::size_t>(r.head.verb)];
  if (r.to) return std::nullopt;
  if (r.head.verb == method::options) return preflight(r, place.allow);
  auto out = problem_answer(
      make_fault(error_code::method_not_allowed, std::string(at.path) + " allows " + place.allow),
      r.id);
  add_line(out.lines, "Allow", place.allow);
  return out;
}

answer dispatcher::preflight(request& r, const std::string& allow) const {
  answer out{204, {}, {}, {}};
  add_line(out.lines, "Allow", allow);
  if (!r.head.is_preflight || !gate_.origin_allowed(r.head.origin)) return out;
  add_line(out.lines, "Access-Control-Allow-Methods", allow);
  add_line(out.lines, "Access-Control-Allow-Headers",
           "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, "
           "If-None-Match, If-Range, If-Unmodified-Since, Last-Event-ID, Range, X-Request-Id");
  add_line(out.lines, "Access-Control-Max-Age", "600");
  return out;
}

std::optional<fault> dispatcher::check_body(const request& r) const {
  if (r.to->takes_bytes && !r.head.has_length)
    return make_fault(error_code::length_required, "the request has no body");
  if (!r.to->body) return std::nullopt;
  if (r.head.has_body && !is_json(r.head.content_type))
    return make_fault(error_code::unsupported_media_type,
                      "the body is " + r.head.content_type + ", not application/json");
  bool needed = std::ranges::any_of(r.to->body->fields, &protocol::http::field::required);
  if (needed && !r.head.has_length)
    return make_fault(error_code::length_required, "the request has no body");
  return std::nullopt;
}

std::optional<fault> dispatcher::check_readiness(const route& to) const {
  if (views_.draining && !to.in_drain)
    return make_fault(error_code::draining, "the daemon ends what runs and takes no new work");
  if (!views_.ready && !views_.sandbox("default"))
    return make_fault(error_code::starting, "the sandbox default does not exist yet");
  return std::nullopt;
}

std::optional<fault> dispatcher::check_rate(request& r, time_point now) {
  if (limiter_.unlimited()) return std::nullopt;
  auto decision = limiter_.take(r.client, now);
  add_line(r.lines, "RateLimit-Policy", rate_policy_);
  add_line(r.lines, "RateLimit", protocol::http::rate_limiter::state(decision));
  if (decision.allowed) return std::nullopt;
  const auto burst = options_.limits.requests_burst;
  auto f = make_fault(error_code::rate_limited,
                      "more than limits.requests_per_s allows; policy " + rate_policy_,
                      actors::budget_json(burst, burst));
  f.retry_after_s = decision.wait_s;
  return f;
}

/// A field that is not heeded was meant to be.
std::optional<fault> dispatcher::check_no_fields(const request& r) const {
  if (!r.to->takes_nothing() || r.body.empty()) return std::nullopt;
  auto body = protocol::parse_json(r.body);
  if (!body) return body.error();
  auto wrong = protocol::http::validate(*body, rules_.nothing);
  for (auto& w : wrong)
    for (const auto& q : r.to->queries)
      if (w.pointer == "/" + std::string(q.name))
        w.detail = "is a parameter of the query, not of the body";
  if (wrong.empty()) return std::nullopt;
  return protocol::http::invalid_fields(wrong);
}

outcome dispatcher::handle(const request& r) const {
  try {
    if (auto f = check_no_fields(r)) return *f;
    return r.to->handle(services_, r);
  } catch (const std::exception& e) {
    spdlog::error("http_handler_failed route={} request_id={} what=\"{}\"", r.to->id, r.id,
                  e.what());
    return make_fault(error_code::internal, "the request could not be handled");
  }
}

answer dispatcher::refuse(request& r, const fault& f) {
  name_request(r);
  return problem_answer(f, r.id);
}

}  // namespace gateways::http
