// Whether a host may be reached: two lists of rules, and what no list needs to say.
//
// Pure and immutable: any thread. A host is judged twice, by its name and by each address that the
// name has; only an address that was judged may be connected to, so a name that changes its address
// gains nothing. `deny` wins over `allow`; what no rule allows is refused, so an empty `allow`
// refuses all. Addresses that are no public host's (loopback, private, link-local with the clouds'
// metadata, …) are refused even so, unless a rule of `allow` names them: a block that lies within
// such a range, or the very host, which is enough for loopback and private ranges only, since
// whoever owns a name chooses its address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/egress_rule.hpp"

namespace protocol::egress {

struct target {
  std::string host;  ///< a name in lower case, or an address as text without brackets
  std::uint16_t port = 0;
  std::optional<config::ip_address> address;  ///< when the host is one
};

/// "HOST:PORT" or "[IPV6]:PORT". `port`: what it is without one; 0: then it is no target.
std::optional<target> parse_target(std::string_view text, std::uint16_t port = 0);
/// The same text again.
std::string to_string(const target& t);

struct decision {
  bool allowed = false;
  std::string rule;  ///< that decided: "allow .example.org", "built-in loopback 127.0.0.0/8"
};

class policy {
 public:
  /// Of rules that `config::parse_egress_rule` takes; others are left out.
  policy(const std::vector<std::string>& allow, const std::vector<std::string>& deny);

  /// Before the name is resolved. Refused: no address of it could be allowed.
  decision judge_name(const target& to) const;
  /// Whether the target may be reached at this address of it.
  decision judge(const target& to, const config::ip_address& at) const;

 private:
  using rules = std::vector<config::egress_rule>;
  const config::egress_rule* denied(const target& to, const config::ip_address* at) const;

  rules allow_, deny_;
};

}  // namespace protocol::egress
