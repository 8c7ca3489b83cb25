// Pipes to processes: made here, one end kept and watched by Asio, the other passed on.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "gateways/isolation/descriptor.hpp"

namespace gateways {

/// Reading end and writing end, closed at exec. Throws std::runtime_error when there is none left.
inline std::pair<descriptor, descriptor> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("a pipe: ") + std::strerror(errno));
  return {descriptor(ends[0]), descriptor(ends[1])};
}

/// It is `to`'s from here on, and does not block. Throws what Asio throws when it cannot watch it.
inline void hand(descriptor& ours, boost::asio::posix::stream_descriptor& to) {
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  to.assign(ours.get());
  ours.release();
}

}  // namespace gateways
