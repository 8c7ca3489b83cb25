#include "gateways/http/security.hpp"

#include <openssl/crypto.h>

#include <algorithm>

#include "protocol/http/accept.hpp"
#include "protocol/id.hpp"

namespace gateways::http {

using protocol::http::same_word;

namespace {

bool port_is_sane(std::string_view port) noexcept {
  return port.empty() ||
         (port[0] == ':' && port.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

}  // namespace

std::string_view host_name(std::string_view host) noexcept {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

std::optional<std::string_view> site_name(std::string_view host) noexcept {
  auto name = host_name(host);
  if (name.size() <= site_suffix.size() || !port_is_sane(host.substr(name.size())))
    return std::nullopt;
  auto id = name.substr(0, name.size() - site_suffix.size());
  if (!same_word(name.substr(id.size()), site_suffix) || !protocol::valid_id(id))
    return std::nullopt;
  return id;
}

bool gatekeeper::host_allowed(std::string_view host, std::string_view local_ip) const {
  auto name = host_name(host);
  if (!port_is_sane(host.substr(name.size()))) return false;
  if (same_word(host, address_) || same_word(name, "localhost") || name == "127.0.0.1" ||
      name == "[::1]")
    return true;
  if (!local_ip.empty() && (name == local_ip || (name.size() == local_ip.size() + 2 &&
                                                 name.substr(1, local_ip.size()) == local_ip)))
    return true;
  return std::ranges::any_of(allowed_hosts_, [&](const std::string& allowed) {
    return same_word(allowed, host) || same_word(allowed, name);
  });
}

bool gatekeeper::same_origin(std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  for (auto scheme : {std::string_view("http://"), std::string_view("https://")})
    if (origin.starts_with(scheme)) return same_word(origin.substr(scheme.size()), host);
  return false;
}

bool gatekeeper::origin_allowed(std::string_view origin) const {
  return std::ranges::any_of(allowed_origins_, [&](const std::string& allowed) {
    return allowed == "*" || same_word(allowed, origin);
  });
}

std::string_view bearer_of(std::string_view authorization) noexcept {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() ||
      !same_word(authorization.substr(0, scheme.size()), scheme))
    return {};
  auto given = authorization.substr(scheme.size());
  while (given.starts_with(' ')) given.remove_prefix(1);
  return given;
}

bool same_secret(std::string_view given, std::string_view secret) noexcept {
  // Its length is no secret; its characters are.
  return !secret.empty() && given.size() == secret.size() &&
         CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

}  // namespace gateways::http
