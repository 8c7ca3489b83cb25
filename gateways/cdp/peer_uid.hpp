// Whose process is at the other end of a TCP connection on this machine: asked of the kernel's
// tables of sockets.
#pragma once

#include <sys/types.h>

#include <boost/asio/ip/tcp.hpp>
#include <optional>

namespace gateways {

/// `peer` and `here` are the ends of a connection that is open; nothing when it is not known.
std::optional<uid_t> peer_uid(const boost::asio::ip::tcp::endpoint& peer,
                              const boost::asio::ip::tcp::endpoint& here);

/// Also an IPv4 address that came by an IPv6 socket.
bool is_loopback(const boost::asio::ip::address& a);

}  // namespace gateways
