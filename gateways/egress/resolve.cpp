#include "gateways/egress/resolve.hpp"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "protocol/http/localhost.hpp"

namespace gateways {
namespace {

constexpr std::size_t addresses_max = 16;

/// Of this thread: a name server that does not answer shall not hold it for long.
void shorten_waits() {
  thread_local bool done = false;
  if (done || ::res_init() != 0) return;
  _res.retrans = 2;
  _res.retry = 2;
  done = true;
}

config::ip_address address_of(const sockaddr* from) {
  config::ip_address out;
  if (from->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, from, sizeof v4);
    out = {.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, .v4 = true};
    std::memcpy(out.bytes.data() + 12, &v4.sin_addr, 4);
    return out;
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, from, sizeof v6);
  std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
  // Only one form of each address is judged, and connected to.
  return config::parse_ip(config::to_string(out)).value_or(out);
}

}  // namespace

resolved_host resolve_host(const std::string& host) {
  if (protocol::http::is_localhost(host))
    return {{*config::parse_ip("127.0.0.1"), *config::parse_ip("::1")}, {}};
  shorten_waits();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0)
    return {{}, ::gai_strerror(error)};
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  resolved_host out;
  for (auto* each = found; each && out.addresses.size() < addresses_max; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    auto address = address_of(each->ai_addr);
    if (std::ranges::count(out.addresses, address) == 0) out.addresses.push_back(address);
  }
  if (out.addresses.empty()) out.why = "it has no address";
  return out;
}

}  // namespace gateways
