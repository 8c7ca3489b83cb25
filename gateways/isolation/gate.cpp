#include "gateways/isolation/gate.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace gateways {

protocol::result<gate_channel> open_gate_channel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return protocol::fault{
        protocol::error_code::unavailable, std::string("a socket: ") + std::strerror(errno), {}, 0};
  return gate_channel{descriptor(ends[0]), descriptor(ends[1])};
}

descriptor receive_listener(int from) {
  char byte = 0;
  iovec part{&byte, sizeof byte};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(from, &message, MSG_CMSG_CLOEXEC) <= 0) return {};
  auto* rights = CMSG_FIRSTHDR(&message);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return descriptor(fd);
}

}  // namespace gateways
