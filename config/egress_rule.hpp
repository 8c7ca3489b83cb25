// One rule of a list of what may be reached, and the addresses that it is about: text, strictly
// read.
//
//   example.org                the host of that name
//   .example.org, *.example.org    every host below it, not itself
//   192.0.2.1, 2001:db8::1     an address
//   192.0.2.0/24, 2001:db8::/32    a block of addresses
// each, if wanted, with a port or a range: example.org:443, 192.0.2.0/24:8000-8099, and with
// brackets for IPv6: [2001:db8::/32]:443. Names are compared in lower case.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

/// IPv4 fills the last four bytes, as in ::ffff:192.0.2.1; that form of IPv6 is IPv4 here.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};
  bool v4 = false;

  friend bool operator==(const ip_address&, const ip_address&) = default;
};

/// Dotted quads and what inet_pton(3) takes as IPv6; no zone, no brackets, no other form.
std::optional<ip_address> parse_ip(std::string_view text);
std::string to_string(const ip_address& address);

/// A block of addresses: those that share its first bits, counted from where the family begins.
struct ip_block {
  ip_address first;
  unsigned bits = 0;

  bool contains(const ip_address& address) const;
  bool contains(const ip_block& other) const;
};

struct egress_rule {
  enum class kind : std::uint8_t { host, suffix, block };

  std::string text;  ///< as it was given
  kind is = kind::host;
  std::string name;  ///< of a host; of a suffix, from its first dot on
  ip_block block;
  std::uint16_t port_first = 1;
  std::uint16_t port_last = 65'535;
  std::string wrong;  ///< how the text is no rule, as in "… which WRONG"; empty: it is one

  bool takes(std::uint16_t port) const { return port >= port_first && port <= port_last; }
};

egress_rule parse_egress_rule(std::string_view text);

/// A host name in lower case without a dot at its end; none when it is no host name. What looks
/// like a number is none either: resolvers take 2130706433 and 127.1 for addresses.
std::optional<std::string> parse_host_name(std::string_view text);

/// 1 to 65535, in digits without a sign or a zero in front.
std::optional<std::uint16_t> parse_port(std::string_view text);

}  // namespace config
