// A client of the CDP listener, on a real socket and in bytes: its requests, and its frames.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "gateways/isolation/descriptor.hpp"
#include "tests/support/unit.hpp"

namespace tests {

inline sockaddr_in loopback_at(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class cdp_wire {
 public:
  explicit cdp_wire(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto to = loopback_at(port);
    CAF_REQUIRE_EQUAL(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  explicit cdp_wire(gateways::descriptor fd) : fd_(std::move(fd)) {}

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      CAF_REQUIRE_GREATER(size, 0);
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  /// All that comes, up to the end of the connection.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(in_, {});
  }
  std::string take(std::size_t bytes) {
    while (in_.size() < bytes && more()) {
    }
    auto out = in_.substr(0, bytes);
    in_.erase(0, bytes);
    return out;
  }
  std::string take_through(std::string_view end) {
    while (in_.find(end) == in_.npos && more()) {
    }
    auto at = in_.find(end);
    return take(at == in_.npos ? in_.size() : at + end.size());
  }
  /// One answer to a request.
  std::string answer() {
    auto head = take_through("\r\n\r\n");
    auto at = head.find("Content-Length:");
    auto length = at == head.npos ? 0 : std::stoul(head.substr(at + 15));
    return head + take(length);
  }
  std::string ask(std::string_view request) {
    send(request);
    return answer();
  }

  /// A frame of a client, masked by nothing.
  static std::string frame(unsigned first, std::string_view payload, std::uint64_t claimed = 0) {
    auto size = claimed ? claimed : payload.size();
    std::string out(1, static_cast<char>(first));
    int bytes = size < 126 ? 0 : size < 65'536 ? 2 : 8;
    out += static_cast<char>(0x80 | (bytes == 0 ? size : bytes == 2 ? 126 : 127));
    while (bytes-- > 0) out += static_cast<char>(size >> (8 * bytes));
    return out.append(4, '\0').append(payload);
  }
  void say(std::string_view text) { send(frame(0x81, text)); }

  struct heard {
    unsigned first = 0;  ///< 0: the connection ended
    std::string payload;
    unsigned close_code() const {
      return payload.size() < 2 ? 0
                                : static_cast<unsigned char>(payload[0]) * 256u +
                                      static_cast<unsigned char>(payload[1]);
    }
  };
  heard hear() {
    auto head = take(2);
    if (head.size() < 2) return {};
    auto byte = [](char c) { return static_cast<unsigned char>(c); };
    std::uint64_t size = byte(head[1]);
    if (size > 125) {
      auto digits = take(size == 126 ? 2 : 8);
      size = 0;
      for (char c : digits) size = size << 8 | byte(c);
    }
    return {byte(head[0]), take(size)};
  }
  std::string hear_text() { return hear().payload; }

 private:
  bool more() {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 20'000) != 1) CAF_FAIL("nothing came");
    char bytes[64 << 10];
    auto size = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (size > 0) in_.append(bytes, static_cast<std::size_t>(size));
    return size > 0;
  }

  gateways::descriptor fd_;
  std::string in_;
};

inline std::string get(std::string_view target, std::string_view more = {},
                       std::string_view verb = "GET") {
  std::string out(verb);
  return out.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost:9\r\n").append(more) +
         "\r\n";
}

inline std::string upgrade(std::string_view target, std::string_view more = {}) {
  return get(target, std::string("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                 "Sec-WebSocket-Version: 13\r\n") +
                         std::string(more));
}

}  // namespace tests
