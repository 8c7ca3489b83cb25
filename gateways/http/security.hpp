// Who may talk to the daemon: token, Host and Origin, as the settings say.
//
// The Host check is what keeps a web page from reaching the daemon under a name of its own (DNS
// rebinding), the Origin check what keeps it from using the daemon's real name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "protocol/error.hpp"

namespace gateways::http {

/// What stands behind `Bearer `; empty when it is another scheme, or nothing.
std::string_view bearer_of(std::string_view authorization) noexcept;

/// Compares in constant time. Nothing is the same as an empty secret.
bool same_secret(std::string_view given, std::string_view secret) noexcept;

class gatekeeper {
 public:
  gatekeeper(const config::http_options& http, bool insecure, std::string token)
      : allowed_hosts_(http.allowed_hosts),
        allowed_origins_(http.allowed_origins),
        insecure_(insecure),
        token_(std::move(token)) {}

  /// The address listened on, once it is known: "127.0.0.1:41233".
  void listen_address(std::string address) { address_ = std::move(address); }

  /// `local_ip` is the address the client reached: it names the daemon when that listens on all.
  bool host_allowed(std::string_view host, std::string_view local_ip) const;

  /// No Origin, or the Host itself.
  static bool same_origin(std::string_view origin, std::string_view host);
  bool origin_allowed(std::string_view origin) const;

  bool token_valid(std::string_view authorization) const {
    return insecure_ || same_secret(bearer_of(authorization), token_);
  }
  bool insecure() const { return insecure_; }

 private:
  std::vector<std::string> allowed_hosts_;
  std::vector<std::string> allowed_origins_;
  bool insecure_;
  std::string token_;
  std::string address_;
};

/// The part of a Host before its port; brackets of an IPv6 address stay.
std::string_view host_name(std::string_view host) noexcept;

/// The sites of sandboxes have origins of their own below this name.
inline constexpr std::string_view site_suffix = ".deploy.localhost";

/// Of `ID.deploy.localhost[:PORT]` the id, as the client spells it; nothing for any other Host.
std::optional<std::string_view> site_name(std::string_view host) noexcept;

}  // namespace gateways::http
