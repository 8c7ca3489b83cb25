// Who may use a browser through the CDP listener: a pure decision, over what a connection shows.
//
// On `cdp.listen` a program of the daemon's own user, or of one in `cdp.trust_users`, on this
// machine shows nothing, since Playwright and its like expect that. Everybody else shows the
// daemon's token, or one of `cdp.tokens_file`, which may be allowed less: in Authorization, or
// before the path where a client takes a URL and no more. Whoever shows such a token is held to it.
// As with Chromium, a Host that is a name keeps web pages out that reach the port under a name of
// theirs (DNS rebinding), and an Origin those that use the port's own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cdp/policy.hpp"

namespace gateways {

struct cdp_visit {
  bool remote = false;    ///< it came by `cdp.remote_listen`
  bool loopback = false;  ///< from this machine
  std::string_view authorization{};
  std::optional<std::string_view> path_token{};
};

enum class cdp_admission : std::uint8_t { refused, trusted, by_token };

struct cdp_verdict {
  cdp_admission how = cdp_admission::refused;
  const protocol::cdp::token_policy* only = nullptr;  ///< null: everything is allowed
};

class cdp_access {
 public:
  cdp_access(std::string token, bool insecure, std::set<uid_t> trusted,
             std::vector<protocol::cdp::token_policy> others = {})
      : token_(std::move(token)),
        insecure_(insecure),
        trusted_(std::move(trusted)),
        others_(std::move(others)) {}

  /// `peer_uid` is asked only when it counts. A policy is of this, and lives as long.
  cdp_verdict judge(const cdp_visit& v,
                    const std::function<std::optional<uid_t>()>& peer_uid) const;

 private:
  std::string token_;
  bool insecure_;
  std::set<uid_t> trusted_;
  std::vector<protocol::cdp::token_policy> others_;
};

/// A request's target that may begin with /token/TOKEN.
struct cdp_target {
  std::string_view rest;
  std::string_view prefix{};
  std::optional<std::string_view> token{};
};
cdp_target split_token(std::string_view target) noexcept;

/// An IP address, localhost or a name below it, with any port; or nothing.
bool plain_host(std::string_view host);

/// Where the kernel's tables of sockets have an end of a connection; `address` in network order.
std::string socket_key(std::span<const unsigned char> address, std::uint16_t port);

/// Whose the socket from `local` to `remote` is in such a table (/proc/net/tcp); nothing when it is
/// not there, or nobody's any more.
std::optional<uid_t> owner_in(std::string_view table, std::string_view local,
                              std::string_view remote);

}  // namespace gateways
