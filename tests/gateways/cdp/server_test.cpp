// The CDP listener on real sockets, before a fake browser.
#define CAF_SUITE cdp_server
#include "gateways/cdp/cdp_server.hpp"

#include <unistd.h>

#include <fstream>

#include "gateways/http/server.hpp"
#include "protocol/cdp/message.hpp"
#include "tests/gateways/cdp/rig.hpp"
#include "tests/gateways/cdp/wire.hpp"
#include "tests/gateways/http/wire.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tests;
using namespace std::literals;

namespace {

constexpr std::string_view browser = "/devtools/browser/the-browser";
constexpr std::string_view page = "/devtools/page/T1";
constexpr std::string_view bearer = "Authorization: Bearer secret\r\n";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

std::string ask(const cdp_rig& rig, std::string_view request) {
  return cdp_wire(rig.port()).ask(request);
}

/// Why a listener does not begin.
std::string refusal(const gateways::cdp_server_options& options) {
  try {
    cdp_rig rig(options);
    return {};
  } catch (const std::system_error& e) {
    return e.what();
  }
}

cdp_wire open(std::uint16_t port, std::string_view target = browser) {
  cdp_wire out(port);
  CAF_REQUIRE(out.ask(upgrade(target)).starts_with("HTTP/1.1 101 WebSocket Protocol Handshake"));
  return out;
}

}  // namespace

CAF_TEST(pages of the debugging port come one after the other on one connection) {
  cdp_rig rig;
  cdp_wire client(rig.port());
  auto first = client.ask(get("/json/version/"));
  CAF_CHECK(has(first, "\"Browser\": \"Chrome/1\""));
  CAF_CHECK(has(first, "\"ws://localhost:9/devtools/browser/the-browser\""));
  auto list = client.ask(get("/json"));
  CAF_CHECK(has(list, "\r\n\r\n[ {\n"));
  CAF_CHECK(has(list, "\"ws://localhost:9/devtools/page/T1\"") && !has(list, "\"id\": \"B\""));
  CAF_CHECK(client.ask(get("/", {}, "HEAD")).starts_with("HTTP/1.1 200 OK\r\nX-Frame-Options"));
  CAF_CHECK(client.ask(get("/other")).starts_with("HTTP/1.1 404 "));
  CAF_CHECK(client.ask(get("/json/bogus")).ends_with("\r\n\r\nUnknown command: bogus"));
  CAF_CHECK(client.ask(get("/devtools/page/T9")).starts_with("HTTP/1.1 200 "));
  CAF_CHECK(rig.gone(1));  // who asked for the list
}

CAF_TEST(targets are made and activated and closed) {
  cdp_rig rig;
  auto made = ask(rig, get("/json/new?http://a/%20b", {}, "PUT"));
  CAF_CHECK(has(made, "\"id\": \"T2\"") && has(made, "\"url\": \"http://a/ b\""));
  auto refused = ask(rig, get("/json/new?http://a/"));
  CAF_CHECK(refused.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  CAF_CHECK(
      refused.ends_with("Using unsafe HTTP verb GET to invoke /json/new. This action "
                        "supports only PUT verb."));
  CAF_CHECK(ask(rig, get("/json/activate/T1")).ends_with("\r\n\r\nTarget activated"));
  CAF_CHECK(ask(rig, get("/json/close/T1")).ends_with("\r\n\r\nTarget is closing"));
  for (auto nowhere : {"/json/close/T9", "/json/activate/T9"}) {
    auto answer = ask(rig, get(nowhere));
    CAF_CHECK(answer.starts_with("HTTP/1.1 404 ") && has(answer, "No such target id: T9"));
  }
  CAF_CHECK(rig.gone(5));
}

CAF_TEST(the protocol is a file or is not there) {
  tests::temp_dir dir;
  auto options = rig_options();
  options.cdp.protocol_file = dir.path() + "/protocol.json";
  cdp_rig rig(options);
  CAF_CHECK(ask(rig, get("/json/protocol")).ends_with("Unknown command: protocol"));
  std::ofstream(options.cdp.protocol_file) << "{\"domains\":[]}";
  auto answer = ask(rig, get("/json/protocol"));
  CAF_CHECK(answer.ends_with("{\"domains\":[]}") && !has(answer, "Content-Security-Policy"));
}

CAF_TEST(a Host that is a name and a foreign Origin are refused as Chromium does) {
  cdp_rig rig;
  for (auto request : {std::string("GET /json/version HTTP/1.1\r\nHost: example.com\r\n\r\n"),
                       "GET / HTTP/1.1\r\nHost: localhost.evil.com:9222\r\n\r\n"s}) {
    auto answer = ask(rig, request);
    CAF_CHECK(answer.starts_with("HTTP/1.1 500 "));
    CAF_CHECK(answer.ends_with("not an IP address or localhost."));
  }
  auto evil = ask(rig, upgrade(browser, "Origin: http://evil.com\r\n"));
  CAF_CHECK(
      evil.starts_with("HTTP/1.1 403 Forbidden\r\nContent-Length:227\r\n"
                       "Content-Type:text/html\r\n"));
  CAF_CHECK(has(evil, "WebSocket connection from the http://evil.com origin."));
  CAF_CHECK(
      ask(rig, get("/json/version", "Origin: http://evil.com\r\n")).starts_with("HTTP/1.1 2"));
  auto own = "Origin: http://127.0.0.1:" + std::to_string(rig.port()) + "\r\n";
  CAF_CHECK(ask(rig, upgrade(browser, own)).starts_with("HTTP/1.1 101 "));
  CAF_CHECK(ask(rig, upgrade(browser, "Origin: null\r\n")).starts_with("HTTP/1.1 403 "));
}

CAF_TEST(messages go both ways and the browser hears of the end) {
  cdp_rig rig;
  auto one = open(rig.port()), two = open(rig.port(), page);
  one.say("{\"id\":1}");
  two.say("two");
  CAF_CHECK_EQUAL(one.hear_text(), "{\"id\":1}");
  CAF_CHECK_EQUAL(two.hear_text(), "two");
  one.send(cdp_wire::frame(0x01, "in ") + cdp_wire::frame(0x89, "ping") +
           cdp_wire::frame(0x80, "parts"));
  auto pong = one.hear();
  CAF_CHECK(pong.first == 0x8a && pong.payload == "ping");
  CAF_CHECK_EQUAL(one.hear_text(), "in parts");
  std::string large(5 << 20, 'y');
  one.say(large);
  CAF_CHECK(one.hear_text() == large);
  one.send(cdp_wire::frame(0x88, ""));  // as clients do: without a code
  CAF_CHECK_EQUAL(one.hear().first, 0x88u);
  CAF_CHECK_EQUAL(one.hear().first, 0u);
  CAF_CHECK(rig.gone(1));
  two = cdp_wire(rig.port());
  CAF_CHECK(rig.gone(2));
}

CAF_TEST(a WebSocket to what is not there is refused in HTTP) {
  cdp_rig rig;
  for (bool at_once : {false, true}) {
    if (at_once) rig.answer_at_once();
    auto answer = ask(rig, upgrade("/devtools/page/NOPE"));
    CAF_CHECK(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\nContent-Length:23\r\n"));
    CAF_CHECK(answer.ends_with("\r\n\r\nNo such target id: NOPE"));
    open(rig.port());
  }
  for (auto nothing : {"/devtools/browser", "/devtools/browser/", "/devtools/browser/other",
                       "/devtools/page", "/devtools/page/", "/json/version", "/"})
    CAF_CHECK(ask(rig, upgrade(nothing)).starts_with("HTTP/1.1 404 "));
}

CAF_TEST(what is no text or too large ends that client and no other) {
  cdp_rig rig;
  auto other = open(rig.port());
  auto binary = open(rig.port());
  binary.send(cdp_wire::frame(0x82, "{}"));
  CAF_CHECK_EQUAL(binary.hear().first, 0u);
  auto large = open(rig.port());
  large.send(cdp_wire::frame(0x81, "{", protocol::cdp::frame_bytes_max + 1));
  CAF_CHECK_EQUAL(large.hear().close_code(), 1009u);
  auto no_text = open(rig.port());
  no_text.say("\xff\xfe");
  CAF_CHECK_EQUAL(no_text.hear().close_code(), 1007u);
  auto unmasked = open(rig.port());
  unmasked.send("\x81\x02{}");
  CAF_CHECK_EQUAL(unmasked.hear().close_code(), 1002u);
  CAF_CHECK(rig.gone(4));
  other.say("alive");
  CAF_CHECK_EQUAL(other.hear_text(), "alive");
}

CAF_TEST(a slow client is cut and the others notice nothing) {
  auto options = rig_options();
  options.cdp.queue_bytes_max = 4 << 20;
  cdp_rig rig(options);
  auto slow = open(rig.port()), other = open(rig.port());
  slow.say("flood");
  CAF_CHECK(rig.gone(1));
  other.say("alive");
  CAF_CHECK_EQUAL(other.hear_text(), "alive");
}

CAF_TEST(what is within the bound waits for its client) {
  cdp_rig rig;
  auto client = open(rig.port());
  client.say("flood");
  for (std::size_t i = 0; i < flood_messages; ++i)
    CAF_CHECK_EQUAL(client.hear().payload.size(), flood_bytes);
}

CAF_TEST(when a browser starts again its clients are told behind all that it said) {
  cdp_rig rig;
  auto client = open(rig.port());
  client.say("again");
  CAF_CHECK_EQUAL(client.hear_text(), "last");
  auto end = client.hear();
  CAF_CHECK_EQUAL(end.close_code(), 1012u);
  CAF_CHECK_EQUAL(end.payload.substr(2), "the browser starts again");
  client.send(cdp_wire::frame(0x88, end.payload));
  CAF_CHECK_EQUAL(client.hear().first, 0u);
}

CAF_TEST(without a browser it is told why) {
  cdp_rig rig;
  rig.fail("the sandbox has no browser");
  for (const auto& request : {get("/json/version"), get("/json/list"), upgrade(browser)}) {
    auto answer = ask(rig, request);
    CAF_CHECK(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CAF_CHECK(has(answer, "Content-Type:application/json"));
    CAF_CHECK(answer.ends_with("\r\n\r\nthe sandbox has no browser"));
  }
}

CAF_TEST(the remote listener asks everybody for the token) {
  cdp_rig rig;
  auto at = [&](const std::string& request) { return cdp_wire(rig.remote_port()).ask(request); };
  for (const auto& request : {get("/json/version"), upgrade(browser), get("/token/no/json"),
                              get("/json", "Authorization: Bearer no\r\n")})
    CAF_CHECK(at(request).starts_with("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate:Bearer\r\n"));
  CAF_CHECK(has(at(get("/json/version", bearer)), "\"ws://localhost:9/devtools/browser/"));
  auto by_path = at(get("/token/secret/json/version"));
  CAF_CHECK(has(by_path, "\"ws://localhost:9/token/secret/devtools/browser/the-browser\""));
  CAF_CHECK(at(upgrade("/token/secret/devtools/page/T1")).starts_with("HTTP/1.1 101 "));
  // Who has the token may reach it by any name.
  auto named = "GET /json HTTP/1.1\r\nHost: box.example\r\n" + std::string(bearer) + "\r\n";
  CAF_CHECK(has(at(named), "\"ws://box.example/devtools/page/T1\""));
  CAF_CHECK(ask(rig, get("/token/no/json")).starts_with("HTTP/1.1 401 "));
}

CAF_TEST(without security nobody is asked) {
  auto options = rig_options();
  options.insecure = true;
  cdp_rig rig(options);
  CAF_CHECK(cdp_wire(rig.remote_port()).ask(get("/json")).starts_with("HTTP/1.1 200 "));
}

CAF_TEST(a listener that has no port or does not know whom to trust does not begin) {
  auto options = rig_options();
  options.cdp.trust_users = {"root", "4711"};
  cdp_rig rig(options);
  options.cdp.trust_users = {"no-such-user-here"};
  CAF_CHECK(has(refusal(options), "cdp.trust_users: the user no-such-user-here"));
  options = rig_options();
  options.cdp.listen = "127.0.0.1:" + std::to_string(rig.port());
  CAF_CHECK(has(refusal(options), "cdp.listen " + options.cdp.listen + ": cannot bind"));
}

CAF_TEST(requests that cannot be read are refused and end the connection) {
  cdp_rig rig;
  auto status = [&](const std::string& request) { return ask(rig, request).substr(9, 3); };
  CAF_CHECK_EQUAL(status("nonsense\r\n\r\n"), "400");
  CAF_CHECK_EQUAL(status(get("/", "Host: a\r\n")), "400");
  CAF_CHECK_EQUAL(status(get("/", "X: " + std::string(20'000, 'x') + "\r\n")), "431");
  CAF_CHECK_EQUAL(status(get("/", "Content-Length: 1000000\r\n", "POST")), "413");
  CAF_CHECK_EQUAL(status(upgrade(browser) + "early"), "400");
  cdp_wire half(rig.port());
  half.send("GET /json");
  CAF_CHECK_EQUAL(ask(rig, get("/json")).substr(9, 3), "200");
}

CAF_TEST(one connection more than there may be is refused) {
  auto options = rig_options();
  options.cdp.connections_max = 1;
  cdp_rig rig(options);
  {
    auto first = open(rig.port());
    CAF_CHECK(cdp_wire(rig.port()).rest().starts_with("HTTP/1.1 503 "));
    first.say("alive");
    CAF_CHECK_EQUAL(first.hear_text(), "alive");
  }
  CAF_CHECK(rig.gone(1));
}

CAF_TEST(the listener goes while connections are open) {
  cdp_rig rig;
  auto client = open(rig.port());
  cdp_wire idle(rig.port());
  idle.send("GET");
  rig.stop_server();
  CAF_CHECK_EQUAL(client.hear().first, 0u);
  CAF_CHECK_EQUAL(idle.rest(), "");
  CAF_CHECK(rig.gone(1));
}

CAF_TEST(what was shut opens again at the same port and lets the next in) {
  cdp_rig rig;
  auto port = rig.port();
  auto client = open(port);
  rig.server().shut();
  CAF_CHECK_EQUAL(client.hear().first, 0u);
  CAF_CHECK(rig.gone(1));
  rig.server().open();
  CAF_CHECK_EQUAL(rig.port(), port);
  auto next = open(port);
  next.say(R"({"id":1,"method":"A.b"})");
  CAF_CHECK_EQUAL(next.hear_text(), R"({"id":1,"method":"A.b"})");
}

// -- connections that come by the HTTP gateway ----------------------------------------------------

namespace {

/// An HTTP gateway whose browsers are those of a rig.
struct house {
  cdp_rig rig;
  actors::node_views views;
  fake_port port;
  std::unique_ptr<gateways::http_server> http;

  house() {
    auto options = wire_options();
    options.http.listen = "127.0.0.1:0";
    options.hand_to_cdp = [this](int fd, std::string bytes, std::string id, std::string prefix) {
      rig.server().adopt(fd, std::move(bytes), {std::move(id), std::move(prefix)});
    };
    furnish(views);
    http = std::make_unique<gateways::http_server>(options, views, port, gateways::file_pools{});
  }
  std::string ask(const std::string& request) { return cdp_wire(http->port()).ask(request); }
};

constexpr std::string_view below = "/v1/sandboxes/default/cdp";

std::string at(std::string_view path) {
  return std::string(below) + std::string(path);
}

}  // namespace

CAF_TEST(the HTTP gateway leads to the browser of a sandbox) {
  house h;
  cdp_wire client(h.http->port());
  CAF_CHECK(client.ask(get("/livez")).starts_with("HTTP/1.1 200 "));
  client.send(get(at("/json/version/?x=1"), bearer) + get("/livez"));
  auto version = client.rest();
  CAF_CHECK(has(version, "\"ws://localhost:9/v1/sandboxes/default/cdp/devtools/browser/"));
  CAF_CHECK(has(version, "Connection:close") && !has(version, "alive"));  // one request, no more
  CAF_CHECK_EQUAL(h.rig.sandbox(), "default");
  CAF_CHECK(has(h.ask(get(at("/json/new?about:blank"), bearer, "PUT")), "\"id\": \"T2\""));
  CAF_CHECK(has(h.ask(get("/v1//sandboxes", bearer)), "route_not_found"));
}

CAF_TEST(a WebSocket through the HTTP gateway is one to the browser) {
  house h;
  for (const auto& target : {std::string(below), at("/"), at(browser), at(page)}) {
    cdp_wire client(h.http->port());
    CAF_CHECK(client.ask(upgrade(target, bearer)).starts_with("HTTP/1.1 101 "));
    client.say("hello");
    CAF_CHECK_EQUAL(client.hear_text(), "hello");
  }
  CAF_CHECK(h.ask(upgrade(at(browser), std::string(bearer) + "Origin: http://localhost:9\r\n"))
                .starts_with("HTTP/1.1 101 "));
  CAF_CHECK(h.ask(upgrade(at("/devtools/page/NOPE"), bearer)).starts_with("HTTP/1.1 500 "));
}

CAF_TEST(the HTTP gateway admits whom it admits elsewhere) {
  house h;
  CAF_CHECK(h.ask(upgrade(below)).starts_with("HTTP/1.1 401 "));
  CAF_CHECK(h.ask(get(at("/json?signature=x&expires=99999999999"))).starts_with("HTTP/1.1 401 "));
  CAF_CHECK(h.ask(upgrade(below, std::string(bearer) + "Origin: http://evil.com\r\n"))
                .starts_with("HTTP/1.1 403 "));
  auto missing = h.ask(get("/v1/sandboxes/nope/cdp/json", bearer));
  CAF_CHECK(missing.starts_with("HTTP/1.1 404 ") && has(missing, "sandbox_not_found"));
}

CAF_TEST(a stream that has no socket cannot be handed over) {
  auto options = wire_options();
  options.hand_to_cdp = [](int, std::string, std::string, std::string) {
    CAF_FAIL("there is nothing to hand over");
  };
  wire w(options);
  w.send(tests::request("GET", at("/json")));
  CAF_CHECK_EQUAL(w.next().status, 503);
  w.send(tests::request("GET", "/livez"));
  CAF_CHECK_EQUAL(w.next().status, 200);
  wire without;
  without.send(tests::request("GET", below));
  CAF_CHECK_EQUAL(without.next().status, 503);
}
