// Sends a descriptor over a Unix socket, as the init of a workload does with its listeners.
#pragma once

#include <sys/socket.h>

#include <cstring>

#include "tests/support/unit.hpp"

namespace tests {

inline void send_descriptor(int to, int fd) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  CAF_REQUIRE_EQUAL(::sendmsg(to, &message, 0), 1);
}

}  // namespace tests
