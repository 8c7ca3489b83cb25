#include "config/egress_rule.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <span>

namespace config {
namespace {

constexpr std::size_t name_max = 253, label_max = 63;
constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_label(std::string_view text) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_'; };
  return !text.empty() && text.size() <= label_max && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, fits);
}

/// Digits alone, or 0x and hexadecimal digits.
bool looks_like_number(std::string_view label) {
  return std::ranges::all_of(label, is_digit) || label.starts_with("0x");
}

std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  if (text.empty() || text.size() > 5 || (text.front() == '0' && text.size() > 1)) return {};
  unsigned value = 0;
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size() || value > max) return {};
  return value;
}

unsigned family_bits(const ip_address& a) {
  return a.v4 ? 32 : 128;
}

bool bit(const ip_address& a, unsigned n) {
  auto at = n + 128 - family_bits(a);
  return (a.bytes[at / 8] >> (7 - at % 8)) & 1;
}

/// Takes ":PORT" or ":FIRST-LAST" off `rest`; what remains is the host or the addresses.
std::string take_ports(std::string_view& rest, egress_rule& into) {
  auto bracketed = rest.starts_with('[');
  auto from = bracketed ? rest.find(']') : std::size_t{0};
  if (from == rest.npos) return "has no ] to its [";
  auto colon = rest.find(':', from);
  // Without brackets more than one colon is an IPv6 address.
  if (!bracketed && colon != rest.npos && rest.find(':', colon + 1) != rest.npos) return {};
  auto ports = colon == rest.npos ? std::string_view() : rest.substr(colon + 1);
  auto host = rest.substr(0, colon);
  if (bracketed) {
    if (host.back() != ']') return "has text behind its ]";
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == host.npos) return "has brackets around what is no IPv6 address";
  }
  rest = host;
  if (colon == std::string_view::npos) return {};
  auto dash = ports.find('-');
  auto first = parse_port(ports.substr(0, dash));
  auto last = dash == ports.npos ? first : parse_port(ports.substr(dash + 1));
  if (!first || !last || *first > *last) return "has no port or range of ports behind its colon";
  into.port_first = *first;
  into.port_last = *last;
  return {};
}

std::string take_block(std::string_view text, egress_rule& into) {
  auto slash = text.find('/');
  auto address = parse_ip(text.substr(0, slash));
  if (!address) return "has no address before its slash";
  into.is = egress_rule::kind::block;
  auto most = family_bits(*address);
  auto bits = slash == text.npos ? most : parse_number(text.substr(slash + 1), most);
  if (!bits) return "has no number of bits from 0 to " + std::to_string(most) + " behind its slash";
  into.block = {*address, *bits};
  for (auto n = *bits; n < most; ++n)
    if (bit(*address, n)) return "has bits set behind its first " + std::to_string(*bits);
  return {};
}

std::string take_name(std::string_view text, egress_rule& into) {
  if (text.starts_with("*.")) text.remove_prefix(1);
  auto suffix = text.starts_with('.');
  auto name = parse_host_name(suffix ? text.substr(1) : text);
  if (!name) return "is no host, suffix, address or block of addresses";
  into.is = suffix ? egress_rule::kind::suffix : egress_rule::kind::host;
  into.name = suffix ? "." + *name : *name;
  return {};
}

}  // namespace

std::optional<ip_address> parse_ip(std::string_view text) {
  const std::string terminated(text);
  ip_address out;
  if (terminated.find('\0') != terminated.npos) return {};
  if (::inet_pton(AF_INET, terminated.c_str(), out.bytes.data() + 12) == 1) {
    std::ranges::copy(mapped, out.bytes.begin());
    out.v4 = true;
    return out;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) != 1) return {};
  out.v4 = std::ranges::equal(mapped, std::span(out.bytes).first<12>());
  return out;
}

std::string to_string(const ip_address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.v4)
    ::inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof text);
  else
    ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  return text;
}

bool ip_block::contains(const ip_address& address) const {
  if (address.v4 != first.v4) return false;
  for (unsigned n = 0; n < bits; ++n)
    if (bit(address, n) != bit(first, n)) return false;
  return true;
}

bool ip_block::contains(const ip_block& other) const {
  return other.bits >= bits && contains(other.first);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  auto port = parse_number(text, 65'535);
  if (!port || *port == 0) return {};
  return static_cast<std::uint16_t>(*port);
}

std::optional<std::string> parse_host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > name_max) return {};
  std::string name(text);
  for (auto& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string_view rest = name, label;
  for (bool more = true; more;) {
    auto dot = rest.find('.');
    label = rest.substr(0, dot);
    if (!is_label(label)) return {};
    more = dot != rest.npos;
    if (more) rest.remove_prefix(dot + 1);
  }
  if (looks_like_number(label)) return {};
  return name;
}

egress_rule parse_egress_rule(std::string_view text) {
  egress_rule out;
  out.text = text;
  auto rest = text;
  out.wrong = take_ports(rest, out);
  if (!out.wrong.empty()) return out;
  auto is_block = rest.find_first_of("/:") != rest.npos || parse_ip(rest).has_value();
  out.wrong = is_block ? take_block(rest, out) : take_name(rest, out);
  return out;
}

}  // namespace config
