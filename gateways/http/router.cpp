#include "gateways/http/routes.hpp"
#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

void add(router::place& where, const route& r) {
  auto put = [&](method m) {
    where.by_method[static_cast<std::size_t>(m)] = &r;
    if (!where.allow.empty()) where.allow += ", ";
    where.allow += name_of(m);
  };
  put(r.verb);
  if (r.verb == method::get) put(method::head);
}

std::vector<std::string> segments_of(std::string_view pattern) {
  std::vector<std::string> out;
  for (std::size_t at = 1; at <= pattern.size();) {
    auto slash = std::min(pattern.find('/', at), pattern.size());
    auto segment = pattern.substr(at, slash - at);
    out.emplace_back(segment.starts_with('{') ? std::string_view() : segment);
    at = slash + 1;
  }
  return out;
}

bool matches(const std::vector<std::string>& pattern, bool tail,
             const std::vector<std::string>& path) {
  if (tail ? path.size() < pattern.size() : path.size() != pattern.size()) return false;
  auto fixed = pattern.size() - (tail ? 1 : 0);
  for (std::size_t i = 0; i < fixed; ++i)
    if (path[i].empty() || (!pattern[i].empty() && pattern[i] != path[i])) return false;
  return true;
}

}  // namespace

std::string_view name_of(method m) noexcept {
  switch (m) {
    case method::get: return "GET";
    case method::head: return "HEAD";
    case method::post: return "POST";
    case method::put: return "PUT";
    case method::del: return "DELETE";
    case method::patch: return "PATCH";
    case method::options: return "OPTIONS";
    case method::other: return "OTHER";
  }
  return "OTHER";
}

router::router(std::vector<route> routes) : routes_(std::move(routes)) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    auto& r = routes_[i];
    r.index = i;
    if (r.pattern.find('{') == std::string_view::npos) {
      add(fixed_[std::string(r.pattern)], r);
    } else {
      auto segments = segments_of(r.pattern);
      auto& p = patterns_[r.tail ? 0 : segments.size()][r.pattern];
      p.segments = std::move(segments);
      p.tail = r.tail;
      add(p.where, r);
    }
  }
  for (auto& [path, where] : fixed_) where.allow += ", OPTIONS";
  for (auto& [size, all] : patterns_)
    for (auto& [path, p] : all) p.where.allow += ", OPTIONS";
}

/// Among those under `key`; null: none fits.
const router::pattern* router::match(const std::vector<std::string>& segments,
                                     std::size_t key) const {
  auto at = patterns_.find(key);
  if (at == patterns_.end()) return nullptr;
  for (const auto& [name, p] : at->second)
    if (matches(p.segments, p.tail, segments)) return &p;
  return nullptr;
}

protocol::result<const router::place*> router::find(std::string_view path,
                                                    std::vector<std::string>& params) const {
  if (auto it = fixed_.find(path); it != fixed_.end()) return &it->second;
  auto segments = protocol::http::split_path(path);
  if (!segments) return segments.error();
  const auto* p = match(*segments, segments->size());
  if (!p) p = match(*segments, 0);
  if (!p) return static_cast<const place*>(nullptr);
  auto single = p->segments.size() - (p->tail ? 1 : 0);
  for (std::size_t i = 0; i < single; ++i)
    if (p->segments[i].empty()) params.push_back(std::move((*segments)[i]));
  if (!p->tail) return &p->where;
  auto rest = protocol::http::join_path(*segments, single);
  if (!rest) return rest.error();
  params.push_back(std::move(*rest));
  return &p->where;
}

}  // namespace gateways::http
