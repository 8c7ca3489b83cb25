// The proxy on real sockets, with the test in the place of an init and of its workload.
#define CAF_SUITE egress_proxy
#include "gateways/egress/proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>

#include "tests/support/send_descriptor.hpp"
#include "tests/support/unit.hpp"

using gateways::descriptor;

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// On a port that the system chooses.
struct listening {
  descriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
  listening() {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    CAF_REQUIRE_EQUAL(::bind(fd.get(), raw, size), 0);
    CAF_REQUIRE_EQUAL(::listen(fd.get(), 16), 0);
    ::getsockname(fd.get(), raw, &size);
    port = ntohs(address.sin_port);
  }
};

descriptor connected_to(std::uint16_t port) {
  descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback(port);
  CAF_REQUIRE_EQUAL(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

void write(const descriptor& to, std::string_view text) {
  CAF_REQUIRE_EQUAL(::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL),
                    static_cast<ssize_t>(text.size()));
}

/// Up to the end, or until `enough` is there.
std::string read(const descriptor& from, std::string_view enough = {}) {
  std::string out;
  char bytes[4'096];
  pollfd ready{from.get(), POLLIN, 0};
  while (::poll(&ready, 1, 10'000) == 1) {
    auto size = ::recv(from.get(), bytes, sizeof bytes, 0);
    if (size <= 0) return out;
    out.append(bytes, static_cast<std::size_t>(size));
    if (!enough.empty() && out.ends_with(enough)) return out;
  }
  CAF_FAIL("it did not end");
  return out;
}

/// A sandbox whose network is ours.
struct world {
  listening door;  ///< of the sandbox
  listening host;
  config::egress_options options;
  actors::node_views views;
  actors::node_counters& counters = views.counters;
  std::array<std::promise<std::string>, 3> told;
  std::size_t told_times = 0;  ///< of the proxy's thread
  std::unique_ptr<gateways::egress_proxy> proxy;
  descriptor init;

  explicit world(std::uint64_t bytes_max = 0) {
    options.bytes_max = bytes_max;
    options.allow = {"127.0.0.1:" + std::to_string(host.port)};
    proxy = std::make_unique<gateways::egress_proxy>(
        options, actors::egress_of::code, views,
        [this](std::string data) { told.at(told_times++).set_value(std::move(data)); });
    begin_sandbox();
  }
  void begin_sandbox() {
    views.erase_sandbox("sbx");
    views.put(protocol::sandbox_view{.spec = {.id = "sbx"}});
    begin_workload();
  }
  void begin_workload() {
    door = {};
    init = *proxy->connect("sbx");
    tests::send_descriptor(init.get(), door.fd.get());
  }
  std::string ask() {
    auto client = connected_to(door.port);
    write(client, "CONNECT " + where() + " HTTP/1.1\r\n\r\n");
    return read(client, "\r\n\r\n");
  }
  std::string where() const { return "127.0.0.1:" + std::to_string(host.port); }
  descriptor tunnel(descriptor& other_end) {
    auto client = connected_to(door.port);
    write(client, "CONNECT " + where() + " HTTP/1.1\r\n\r\n");
    CAF_CHECK(read(client, "\r\n\r\n").starts_with("HTTP/1.1 200 "));
    other_end.reset(::accept4(host.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return client;
  }
};

}  // namespace

CAF_TEST(a plain request reaches the host in its own form and the answer comes back) {
  world w;
  auto client = connected_to(w.door.port);
  write(client, "GET http://" + w.where() + "/a HTTP/1.1\r\nProxy-Connection: x\r\n\r\n");
  descriptor at_host(::accept4(w.host.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  CAF_CHECK_EQUAL(read(at_host, "\r\n\r\n"),
                  "GET /a HTTP/1.1\r\nHost: " + w.where() + "\r\nConnection: close\r\n\r\n");
  write(at_host, "HTTP/1.1 204 No Content\r\n\r\n");
  at_host.reset();
  CAF_CHECK_EQUAL(read(client), "HTTP/1.1 204 No Content\r\n\r\n");
  CAF_CHECK_EQUAL(w.counters.egress_connections.load(), 1u);
}

CAF_TEST(a refusal is answered and told) {
  world w;
  auto client = connected_to(w.door.port);
  write(client, "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n");
  auto text = read(client);
  CAF_CHECK(text.starts_with("HTTP/1.1 403 "));
  CAF_CHECK(text.find("built-in loopback 127.0.0.0/8") != text.npos);
  auto told = w.told[0].get_future().get();
  CAF_CHECK(told.starts_with(R"({"sandbox_id":"sbx","host":"127.0.0.1","port":1,)"));
  CAF_CHECK_EQUAL(w.counters.egress_refusals.load(), 1u);
}

CAF_TEST(a tunnel ends when the workload does) {
  world w;
  descriptor at_host;
  auto client = w.tunnel(at_host);
  write(client, "ping");
  CAF_CHECK_EQUAL(read(at_host, "ping"), "ping");
  write(at_host, "pong");
  CAF_CHECK_EQUAL(read(client, "pong"), "pong");
  w.init.reset();
  CAF_CHECK_EQUAL(read(client), "");
  CAF_CHECK_EQUAL(read(at_host), "");
}

CAF_TEST(what would be beyond the bytes of a sandbox is not sent on and all its tunnels are cut) {
  world w(10);
  descriptor at_host, at_host_too;
  auto client = w.tunnel(at_host), idle = w.tunnel(at_host_too);
  write(client, "0123");
  CAF_CHECK_EQUAL(read(at_host, "0123"), "0123");
  write(at_host, "456789");
  CAF_CHECK_EQUAL(read(client, "456789"), "456789");
  write(at_host, "x");
  for (auto* each : {&client, &at_host, &idle, &at_host_too}) CAF_CHECK_EQUAL(read(*each), "");
  auto told = w.told[0].get_future().get();
  CAF_CHECK(told.find(R"("rule":"kernel.egress.bytes_max","times":1})") != told.npos);
  CAF_CHECK_EQUAL(w.views.egress("sbx")->bytes.load(), 11u);
  CAF_CHECK_GREATER(w.views.egress("sbx")->last_refused_at.load(), 0);
  CAF_CHECK_EQUAL(w.counters.egress_refusals.load(), 1u);
}

CAF_TEST(bytes are counted as long as a sandbox lives and not its workloads) {
  world w(4);
  descriptor at_host;
  auto client = w.tunnel(at_host);
  write(client, "0123");
  CAF_CHECK_EQUAL(read(at_host, "0123"), "0123");
  w.init.reset();
  CAF_CHECK_EQUAL(read(client), "");
  w.begin_workload();
  auto text = w.ask();
  CAF_CHECK(text.starts_with("HTTP/1.1 403 "));
  CAF_CHECK(w.told[0].get_future().get().find("kernel.egress.bytes_max") != text.npos);
  w.begin_sandbox();
  CAF_CHECK(w.ask().starts_with("HTTP/1.1 200 "));
}

CAF_TEST(the proxy goes while connections are open) {
  world w;
  descriptor at_host;
  auto client = w.tunnel(at_host);
  auto waiting = connected_to(w.door.port);
  w.proxy.reset();
  CAF_CHECK_EQUAL(read(client), "");
  CAF_CHECK_EQUAL(read(at_host), "");
}
