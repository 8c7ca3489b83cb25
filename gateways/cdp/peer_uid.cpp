#include "gateways/cdp/peer_uid.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include "gateways/cdp/cdp_access.hpp"

namespace gateways {
namespace {

namespace ip = boost::asio::ip;

ip::address plain(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6());
  return a;
}

std::string key_of(const ip::tcp::endpoint& end, bool six) {
  auto address = plain(end.address());
  if (!six) return socket_key(address.to_v4().to_bytes(), end.port());
  auto wide =
      address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
  return socket_key(wide.to_bytes(), end.port());
}

std::optional<uid_t> look(const char* path, const ip::tcp::endpoint& peer,
                          const ip::tcp::endpoint& here, bool six) {
  std::ifstream file(path);
  const std::string table((std::istreambuf_iterator<char>(file)), {});
  return owner_in(table, key_of(peer, six), key_of(here, six));
}

}  // namespace

std::optional<uid_t> peer_uid(const ip::tcp::endpoint& peer, const ip::tcp::endpoint& here) {
  if (plain(peer.address()).is_v4())
    if (auto uid = look("/proc/net/tcp", peer, here, false)) return uid;
  return look("/proc/net/tcp6", peer, here, true);
}

bool is_loopback(const ip::address& a) {
  return plain(a).is_loopback();
}

}  // namespace gateways
