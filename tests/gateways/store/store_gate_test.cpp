// The store's side of the daemon, with the test in the place of an init and of its programs.
#define CAF_SUITE store_gate
#include "gateways/store/store_gate.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gateways/process/blocking_pool.hpp"
#include "tests/support/send_descriptor.hpp"
#include "tests/support/temp_dir.hpp"

using gateways::descriptor;
using namespace std::literals;

namespace {

struct address {
  sockaddr_un raw{};
  socklen_t size = 0;
  /// Abstract, and of this process alone.
  address() {
    raw.sun_family = AF_UNIX;
    auto name = "troupe-store-test-" + std::to_string(::getpid());
    name.copy(raw.sun_path + 1, name.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }
};

struct fixture {
  tests::temp_dir dir;
  actors::node_views views;
  gateways::blocking_pool pool;
  gateways::store_gate gate{views, pool};
  const address at;
  descriptor init;

  fixture() {
    for (auto* zone : {"upload", "output", "deploy", ".store"})
      std::filesystem::create_directories(dir.path() + "/" + zone);
    put(protocol::sandbox_state::ready);
    auto way = gate.connect("s");
    CAF_REQUIRE(way.has_value());
    init = std::move(*way);
  }
  void put(protocol::sandbox_state state, std::uint64_t disk_bytes = 0) {
    protocol::sandbox_view view;
    view.spec.id = "s";
    view.spec.limit.disk_bytes = disk_bytes;
    view.state = state;
    view.workspace = dir.path();
    views.put(view);
  }
  void listen() {
    descriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    CAF_REQUIRE_EQUAL(::bind(fd.get(), at.get(), at.size), 0);
    CAF_REQUIRE_EQUAL(::listen(fd.get(), 128), 0);
    tests::send_descriptor(init.get(), fd.get());
  }
  descriptor connect() const {
    descriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    CAF_REQUIRE_EQUAL(::connect(fd.get(), at.get(), at.size), 0);
    return fd;
  }
  std::string kept(const std::string& name) const {
    std::ifstream file(dir.path() + "/.store/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

void send(const descriptor& to, std::string_view packet) {
  CAF_REQUIRE_EQUAL(::send(to.get(), packet.data(), packet.size(), MSG_NOSIGNAL),
                    static_cast<ssize_t>(packet.size()));
}

/// Empty: the connection has ended.
std::string receive(const descriptor& from, int wait_ms = 10'000) {
  char bytes[4'096];
  pollfd ready{from.get(), POLLIN, 0};
  if (::poll(&ready, 1, wait_ms) != 1) return "nothing";
  auto size = ::recv(from.get(), bytes, sizeof bytes, 0);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

bool taken(std::string_view answer) {
  return answer.starts_with("{\"status\":200,");
}

bool refused(std::string_view answer, std::string_view status) {
  return answer.find("\"status\":" + std::string(status)) != answer.npos &&
         answer.find("\"detail\":") != answer.npos;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(store_gate_tests, fixture)

CAF_TEST(records are added in order and answered one by one) {
  listen();
  auto one = connect(), other = connect();
  send(one, "log\0first"sv);
  send(one, "log\0second"sv);
  CAF_CHECK_EQUAL(receive(one), R"({"status":200,"path":".store/log","size_bytes":6})");
  CAF_CHECK_EQUAL(receive(one), R"({"status":200,"path":".store/log","size_bytes":13})");
  send(other, "log\0third\n"sv);
  CAF_CHECK(taken(receive(other)));
  CAF_CHECK_EQUAL(kept("log"), "first\nsecond\nthird\n");
}

CAF_TEST(what is refused says why and leaves the connection) {
  listen();
  auto client = connect();
  const auto large = "log\0"s + std::string((128 << 10) + 1, 'r');
  const auto larger = "log\0"s + std::string(140'000, 'r');
  for (std::string_view packet : {"x"sv, "../x\0a"sv, std::string_view(large),
                                  std::string_view(larger), "todo.jsonl\0{}"sv}) {
    send(client, packet);
    auto answer = receive(client);
    CAF_CHECK(refused(answer, "422"));
    CAF_CHECK_EQUAL(answer.find("request_id"), answer.npos);
  }
  send(client, "log\0at last"sv);
  CAF_CHECK(taken(receive(client)));
}

CAF_TEST(a sandbox that is full or goes takes no more) {
  listen();
  auto client = connect();
  put(protocol::sandbox_state::ready, 4);
  send(client, "log\0more than that"sv);
  CAF_CHECK(refused(receive(client), "507"));
  put(protocol::sandbox_state::closing);
  send(client, "log\0x"sv);
  CAF_CHECK(refused(receive(client), "409"));
  views.erase_sandbox("s");
  send(client, "log\0x"sv);
  CAF_CHECK(refused(receive(client), "409"));
}

CAF_TEST(connections beyond sixteen wait for one to go) {
  listen();
  std::vector<descriptor> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(connect());
  for (auto& client : clients) {
    send(client, "log\0x"sv);
    CAF_CHECK(taken(receive(client)));
  }
  auto late = connect();
  send(late, "log\0late"sv);
  CAF_CHECK_EQUAL(receive(late, 200), "nothing");
  clients.pop_back();
  CAF_CHECK(taken(receive(late)));
}

CAF_TEST(with the init all of it ends) {
  listen();
  auto client = connect();
  send(client, "log\0x"sv);
  CAF_CHECK(taken(receive(client)));
  init.reset();
  CAF_CHECK_EQUAL(receive(client), "");
  CAF_CHECK_NOT_EQUAL(
      ::connect(descriptor(::socket(AF_UNIX, SOCK_SEQPACKET, 0)).get(), at.get(), at.size), 0);
}

CAF_TEST(an init that ends before it sends its listener leaves nothing) {
  send(init, "x");
  CAF_CHECK_EQUAL(receive(init), "");
}

CAF_TEST_FIXTURE_SCOPE_END()
