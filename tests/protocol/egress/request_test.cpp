#define CAF_SUITE egress_request
#include "protocol/egress/request.hpp"

#include "protocol/egress/refusals.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::egress;

namespace {

int status_of(std::string_view head) {
  auto parsed = parse_request(head);
  auto* bad = std::get_if<bad_request>(&parsed);
  return bad ? bad->status : 0;
}

request taken(std::string_view head) {
  auto parsed = parse_request(head);
  CAF_REQUIRE(std::holds_alternative<request>(parsed));
  return std::get<request>(parsed);
}

}  // namespace

CAF_TEST(connect asks for a tunnel) {
  auto r = taken("CONNECT example.org:443 HTTP/1.1\r\nHost: other.org\r\n\r\n");
  CAF_CHECK(r.tunnel);
  CAF_CHECK_EQUAL(to_string(r.to), "example.org:443");
  CAF_CHECK_EQUAL(r.head, "");
  CAF_CHECK_EQUAL(status_of("CONNECT example.org HTTP/1.1\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("CONNECT http://example.org:80 HTTP/1.1\r\n\r\n"), 400);
}

CAF_TEST(a plain request is written anew for the host that its URI names) {
  auto r = taken(
      "POST HTTP://Example.org:8080/a?b=1 HTTP/1.1\r\nHost: other.org\r\nAccept: */*\r\n"
      "Proxy-Authorization: Basic eA==\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\n"
      "Close: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTE: trailers\r\nProxy-Connection: close\r\n"
      "Content-Length: 3\r\n\r\n");
  CAF_CHECK_EQUAL(r.head,
                  "POST /a?b=1 HTTP/1.1\r\nHost: example.org:8080\r\nAccept: */*\r\n"
                  "Content-Length: 3\r\nConnection: close\r\n\r\n");
  CAF_CHECK_EQUAL(r.body_bytes, 3u);
  CAF_CHECK_EQUAL(taken("GET http://a.org HTTP/1.0\r\n\r\n").head,
                  "GET / HTTP/1.0\r\nHost: a.org\r\nConnection: close\r\n\r\n");
  CAF_CHECK_EQUAL(taken("GET http://[2001:db8::1]?q HTTP/1.1\r\n\r\n").head,
                  "GET /?q HTTP/1.1\r\nHost: [2001:db8::1]\r\nConnection: close\r\n\r\n");
}

CAF_TEST(what could be read in two ways is refused) {
  const std::string get = "GET http://a.org/ HTTP/1.1\r\n";
  CAF_CHECK_EQUAL(status_of(get + "Transfer-Encoding: chunked\r\n\r\n"), 411);
  CAF_CHECK_EQUAL(status_of(get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  for (auto* value : {"", "-1", "+1", "1,1", "0x1", "1 1", "99999999999999999999"})
    CAF_CHECK_EQUAL(status_of(get + "Content-Length: " + value + "\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(get + "Host: a\r\nHost: b\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(get + "Content-Length : 1\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(get + "X: 1\r\n folded\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(get + "X: 1\nY: 2\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(get + "X: 1\rY: 2\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(get + std::string("X: \0\r\n\r\n", 8)), 400);
  for (auto* line :
       {"", " ", "GET", "GET http://a.org/", "GET / HTTP/1.1", "GET a.org:80 HTTP/1.1",
        "GET https://a.org/ HTTP/1.1", "GET ftp://a.org/ HTTP/1.1", "GET http:///x HTTP/1.1",
        "GET http://u:p@a.org/ HTTP/1.1", "GET http://a.org/#f HTTP/1.1",
        "GET  http://a.org/ HTTP/1.1", "GET http://a.org/ x HTTP/1.1", "G(T http://a.org/ HTTP/1.1",
        "GET http://127.1/ HTTP/1.1", "GET http://a.org:99999/ HTTP/1.1"})
    CAF_CHECK_EQUAL(status_of(std::string(line) + "\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET http://a.org/ HTTP/2\r\n\r\n"), 505);
}

CAF_TEST(the most headers that are taken are taken again by a proxy behind this one) {
  std::string head = "GET http://a.org/ HTTP/1.1\r\nHost: a.org\r\nContent-Length: 0\r\n";
  for (int i = 0; i < 128; ++i) head += "X: 1\r\n";
  CAF_CHECK_EQUAL(status_of(head + "X: 1\r\n\r\n"), 431);
  const auto first = taken(head + "\r\n").head;
  auto onward = first;
  onward.insert(onward.find('/'), "http://a.org");
  CAF_CHECK_EQUAL(taken(onward).head, first);
}

CAF_TEST(a head ends with an empty line) {
  CAF_CHECK_EQUAL(head_size("GET / HTTP/1.1\r\nA: b\r\n"), 0u);
  CAF_CHECK_EQUAL(head_size("G\r\n\r\nmore"), 5u);
}

CAF_TEST(an answer names the rule and ends the connection) {
  auto text = answer_text(403, "x\"y", "deny a.org");
  CAF_CHECK(text.starts_with("HTTP/1.1 403 Forbidden\r\n"));
  CAF_CHECK(text.find("Connection: close\r\n") != text.npos);
  CAF_CHECK(text.find(R"("detail":"x\"y","rule":"deny a.org"})") != text.npos);
}

CAF_TEST(refusals without end are told now and then with their number) {
  refusals::time_point now{};
  refusals r("sbx", now);
  auto to = *parse_target("a.org:80");
  const std::string_view each =
      R"({"sandbox_id":"sbx","host":"a.org","port":80,"rule":"deny a.org","times":1})";
  for (int i = 0; i < 10; ++i) CAF_CHECK(r.refused(to, "deny a.org", now) == each);
  for (int i = 0; i < 99; ++i) CAF_CHECK(!r.refused(to, "deny a.org", now));
  now += std::chrono::milliseconds(1'100);
  auto told = r.refused(to, "deny a.org", now);
  CAF_REQUIRE(told);
  CAF_CHECK(told->find(R"("times":100)") != told->npos);
  CAF_CHECK(!r.refused(to, "deny a.org", now));
}
