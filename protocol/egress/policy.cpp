#include "protocol/egress/policy.hpp"

#include <algorithm>
#include <array>

namespace protocol::egress {
namespace {

using config::egress_rule;
using config::ip_address;
using config::ip_block;

constexpr std::string_view no_rule = "no rule of allow";

/// Addresses that are no public host's.
struct special_range {
  std::string_view what, text;
  bool by_name;  ///< a rule that names the host is enough
};
constexpr std::array special_ranges{
    special_range{"unspecified", "0.0.0.0/8", false},
    special_range{"loopback", "127.0.0.0/8", true},
    special_range{"link-local", "169.254.0.0/16", false},
    special_range{"metadata", "168.63.129.16/32", false},
    special_range{"private", "10.0.0.0/8", true},
    special_range{"private", "172.16.0.0/12", true},
    special_range{"private", "192.168.0.0/16", true},
    special_range{"shared", "100.64.0.0/10", true},
    special_range{"reserved", "192.0.0.0/24", false},
    special_range{"benchmarking", "198.18.0.0/15", false},
    special_range{"multicast", "224.0.0.0/4", false},
    special_range{"reserved", "240.0.0.0/4", false},
    special_range{"loopback", "::1/128", true},
    special_range{"unspecified", "::/96", false},
    special_range{"link-local", "fe80::/10", false},
    special_range{"private", "fec0::/10", true},
    special_range{"metadata", "fd00:ec2::/32", false},
    special_range{"private", "fc00::/7", true},
    special_range{"multicast", "ff00::/8", false},
    special_range{"translation", "64:ff9b:1::/48", false},
    special_range{"tunnel", "2001::/32", false},
};

struct known_range {
  special_range row;
  ip_block block;
};

const std::vector<known_range>& known_ranges() {
  static const auto all = [] {
    std::vector<known_range> out;
    for (auto& row : special_ranges)
      out.push_back({row, config::parse_egress_rule(row.text).block});
    return out;
  }();
  return all;
}

/// Of NAT64 (64:ff9b::/96) and 6to4 (2002::/16): where a packet to it ends up.
std::optional<ip_address> embedded(const ip_address& a) {
  static const auto nat64 = config::parse_egress_rule("64:ff9b::/96").block;
  static const auto six_to_four = config::parse_egress_rule("2002::/16").block;
  auto from = nat64.contains(a) ? 12u : six_to_four.contains(a) ? 2u : 0u;
  if (from == 0) return {};
  ip_address out{.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, .v4 = true};
  std::copy_n(a.bytes.begin() + from, 4, out.bytes.begin() + 12);
  return out;
}

bool names(const egress_rule& rule, const target& to) {
  if (to.address || !rule.takes(to.port)) return false;
  if (rule.is == egress_rule::kind::host) return to.host == rule.name;
  return rule.is == egress_rule::kind::suffix && to.host.size() > rule.name.size() &&
         to.host.ends_with(rule.name);
}

bool holds(const egress_rule& rule, const target& to, const ip_address& at) {
  return rule.is == egress_rule::kind::block && rule.takes(to.port) && rule.block.contains(at);
}

const known_range* find_range(const ip_address& at) {
  auto& all = known_ranges();
  auto it = std::ranges::find_if(all, [&](auto& r) { return r.block.contains(at); });
  return it == all.end() ? nullptr : &*it;
}

/// Whether the rule, which takes the target, names what is special about the address.
bool lifts(const egress_rule& rule, const known_range& range, const ip_address& at, bool inner) {
  if (rule.is == egress_rule::kind::suffix) return false;
  if (rule.is == egress_rule::kind::host) return range.row.by_name && !inner;
  // Of an address within another only that address itself.
  return inner ? rule.block.bits == 128 && rule.block.first == at
               : range.block.contains(rule.block);
}

std::vector<egress_rule> parse_all(const std::vector<std::string>& texts) {
  std::vector<egress_rule> out;
  for (auto& text : texts)
    if (auto rule = config::parse_egress_rule(text); rule.wrong.empty()) out.push_back(rule);
  return out;
}

}  // namespace

std::optional<target> parse_target(std::string_view text, std::uint16_t port) {
  auto bracketed = text.starts_with('[');
  auto end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && end == text.npos) return {};
  auto host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  auto rest = end == text.npos ? std::string_view() : text.substr(bracketed ? end + 1 : end);
  target out;
  out.port = port;
  if (!rest.empty()) {
    auto given = rest.front() == ':' ? config::parse_port(rest.substr(1)) : std::nullopt;
    if (!given) return {};
    out.port = *given;
  }
  if (out.port == 0) return {};
  out.address = config::parse_ip(host);
  if (bracketed && (!out.address || host.find(':') == host.npos)) return {};
  if (out.address) {
    out.host = config::to_string(*out.address);
    return out;
  }
  auto name = config::parse_host_name(host);
  if (!name) return {};
  out.host = *name;
  return out;
}

std::string to_string(const target& t) {
  auto host = t.host.find(':') == t.host.npos ? t.host : "[" + t.host + "]";
  return host + ":" + std::to_string(t.port);
}

policy::policy(const std::vector<std::string>& allow, const std::vector<std::string>& deny)
    : allow_(parse_all(allow)), deny_(parse_all(deny)) {}

const egress_rule* policy::denied(const target& to, const ip_address* at) const {
  auto inner = at ? embedded(*at) : std::nullopt;
  for (auto& rule : deny_)
    if (names(rule, to) || (at && holds(rule, to, *at)) || (inner && holds(rule, to, *inner)))
      return &rule;
  return nullptr;
}

decision policy::judge_name(const target& to) const {
  if (to.address) return judge(to, *to.address);
  if (auto* rule = denied(to, nullptr)) return {false, "deny " + rule->text};
  for (auto& rule : allow_) {
    auto may = rule.is == egress_rule::kind::block && rule.takes(to.port);
    if (may || names(rule, to)) return {true, "allow " + rule.text};
  }
  return {false, std::string(no_rule)};
}

decision policy::judge(const target& to, const ip_address& at) const {
  if (auto* rule = denied(to, &at)) return {false, "deny " + rule->text};
  auto* range = find_range(at);
  auto inner = range ? std::nullopt : embedded(at);
  if (inner) range = find_range(*inner);
  for (auto& rule : allow_) {
    if (!names(rule, to) && !holds(rule, to, at)) continue;
    if (!range || lifts(rule, *range, at, inner.has_value())) return {true, "allow " + rule.text};
  }
  if (!range) return {false, std::string(no_rule)};
  return {false, "built-in " + std::string(range->row.what) + " " + std::string(range->row.text)};
}

}  // namespace protocol::egress
