// `troupe-append NAME [RECORD]`: adds one record, else all of stdin, to `.store/NAME`.
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateways/inside/doors.hpp"
#include "gateways/inside/programs.hpp"

namespace {

using namespace gateways::inside;

constexpr unsigned packet_bytes_max = store_name_bytes_max + 1 + store_record_bytes_max;
/// One byte more, so that what is too much can be seen.
char packet[packet_bytes_max + 1];

int fail(const char* what) {
  fprintf(stderr, "troupe-append: %s: %s\n", what, strerror(errno));
  return 1;
}

/// Where it ends; 0: it cannot be read, or has no room.
size_t add(size_t at, const char* text) {
  size_t size = strlen(text);
  if (size > sizeof packet - at) return 0;
  memcpy(packet + at, text, size);
  return at + size;
}

size_t add_input(size_t at) {
  for (;;) {
    ssize_t size = read(0, packet + at, sizeof packet - at);
    if (size < 0) return 0;
    at += static_cast<size_t>(size);
    if (size == 0 || at == sizeof packet) return at;
  }
}

int connect_to_store() {
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, store_address, store_address_bytes);
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + store_address_bytes);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return -1;
  return fd;
}

}  // namespace

int gateways::inside::append(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: troupe-append NAME [RECORD]  (without RECORD: stdin)\n");
    return 2;
  }
  errno = EMSGSIZE;
  size_t at = add(0, argv[1]);
  if (at == 0 || at >= sizeof packet) return fail(argv[1]);
  packet[at++] = '\0';
  size_t end = argc == 3 ? add(at, argv[2]) : add_input(at);
  if (end == 0) return fail("the record");
  int store = connect_to_store();
  if (store < 0) return fail("the store");
  static char answer[4096];
  if (send(store, packet, end, MSG_NOSIGNAL) < 0) return fail("the record");
  ssize_t size = recv(store, answer, sizeof answer, 0);
  if (size <= 0) return fail("no answer");
  bool taken = memmem(answer, static_cast<size_t>(size), "\"status\":200", 12) != nullptr;
  fprintf(taken ? stdout : stderr, "%.*s\n", static_cast<int>(size), answer);
  return taken ? 0 : 1;
}
