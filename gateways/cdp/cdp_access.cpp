#include "gateways/cdp/cdp_access.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "gateways/http/security.hpp"
#include "protocol/http/localhost.hpp"

namespace gateways {
namespace {

bool is_address(const std::string& name) {
  unsigned char bytes[16];
  if (name.find('\0') != name.npos) return false;
  if (name.starts_with('['))
    return name.ends_with(']') &&
           ::inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), bytes) == 1;
  return ::inet_pton(AF_INET, name.c_str(), bytes) == 1;
}

bool is_name(std::string_view text) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  return text.find_first_not_of(allowed) == text.npos;
}

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t out = 0;
  auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (failed != std::errc() || end != word.data() + word.size()) return {};
  return out;
}

}  // namespace

cdp_verdict cdp_access::judge(const cdp_visit& v,
                              const std::function<std::optional<uid_t>()>& peer_uid) const {
  using enum cdp_admission;
  auto shown = v.path_token.value_or(http::bearer_of(v.authorization));
  if (http::same_secret(shown, token_)) return {by_token};
  for (const auto& each : others_)
    if (http::same_secret(shown, each.token)) return {by_token, &each};
  if (insecure_) return {trusted};
  // A wrong token in the path is no path of the browser's.
  if (v.remote || !v.loopback || v.path_token) return {refused};
  auto uid = peer_uid();
  return {uid && trusted_.contains(*uid) ? trusted : refused};
}

cdp_target split_token(std::string_view target) noexcept {
  constexpr std::string_view before = "/token/";
  if (!target.starts_with(before)) return {target};
  auto end = std::min(target.find_first_of("/?", before.size()), target.size());
  return {target.substr(end), target.substr(0, end),
          target.substr(before.size(), end - before.size())};
}

bool plain_host(std::string_view host) {
  if (host.empty()) return true;
  auto name = http::host_name(host);
  auto port = host.substr(name.size());
  if (!port.empty() && (port[0] != ':' || port.find_first_not_of("0123456789", 1) != port.npos))
    return false;
  if (is_address(std::string(name))) return true;
  return is_name(name) && protocol::http::is_localhost(name);
}

std::string socket_key(std::span<const unsigned char> address, std::uint16_t port) {
  std::string out;
  char digits[9];
  for (std::size_t at = 0; at + 4 <= address.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, address.data() + at, sizeof word);
    std::snprintf(digits, sizeof digits, "%08X", word);
    out += digits;
  }
  std::snprintf(digits, sizeof digits, "%04X", static_cast<unsigned>(port));
  return out + ":" + digits;
}

std::optional<uid_t> owner_in(std::string_view table, std::string_view local,
                              std::string_view remote) {
  auto key = ": " + std::string(local) + " " + std::string(remote) + " ";
  auto at = table.find(key);
  if (at == table.npos) return {};
  auto line = table.substr(at + key.size());
  line = line.substr(0, line.find('\n'));
  for (int skipped = 0; skipped < 4; ++skipped) next_word(line);  // state, queues, timers
  auto uid = number(next_word(line));
  next_word(line);
  auto inode = number(next_word(line));
  // Once its process has closed it, a socket says 0 for whoever had it.
  if (!uid || !inode || *inode == 0) return {};
  return static_cast<uid_t>(*uid);
}

}  // namespace gateways
