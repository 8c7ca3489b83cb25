#define CAF_SUITE http_session

#include "tests/support/unit.hpp"

#include "protocol/event.hpp"
#include "tests/gateways/http/wire.hpp"

using namespace std::chrono_literals;
using namespace tests;
namespace call = gateways::call;

namespace {

constexpr auto keep = "HTTP/1.1 200 OK";

std::vector<protocol::buffer> events(std::uint64_t first, std::uint64_t last) {
  std::vector<protocol::buffer> out;
  for (auto n = first; n <= last; ++n)
    out.push_back(protocol::render_event(n, n == last ? "ended" : "stream", 0, "exe_1", 1, "{}"));
  return out;
}

std::string execute(std::string_view more = {}, std::string_view code = "1+1") {
  return request("POST", "/v1/sandboxes/default/executions",
                 "{\"code\":\"" + std::string(code) + "\"}", more);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

CAF_TEST(pipelined requests are answered in order and one at a time) {
  wire w;
  w.send(request("GET", "/kernel/status") + execute() + request("GET", "/livez"));
  CAF_CHECK_EQUAL(w.next().status, 200);
  CAF_CHECK_EQUAL(w.port().calls.size(), 1u);
  CAF_CHECK_EQUAL(w.take(), "");
  w.port().last().to->answered(200, protocol::buffer("{\"id\":\"exe_1\"}"), {});
  w.run();
  CAF_CHECK_EQUAL(w.next().body, "{\"id\":\"exe_1\"}");
  CAF_CHECK_EQUAL(w.next().body, "{\"status\":\"alive\"}");
  CAF_CHECK(!w.ended());
}

CAF_TEST(what comes during a call is neither lost nor read twice) {
  wire w;
  w.send(execute({}, "1"));
  w.send(execute({}, "22"));
  w.send(execute({}, "333"));
  for (std::string code : {"1", "22", "333"}) {
    CAF_CHECK_EQUAL(w.port().last().as<gateways::call::execute>().request.code, code);
    w.port().last().to->answered(200, protocol::buffer("{\"was\":" + code + "}"), {});
    w.run();
    CAF_CHECK_EQUAL(w.next().body, "{\"was\":" + code + "}");
    if (code == "1") w.send(request("GET", "/livez"));
  }
  CAF_CHECK_EQUAL(w.next().body, "{\"status\":\"alive\"}");
  CAF_CHECK_EQUAL(w.port().calls.size(), 3u);
}

CAF_TEST(a request that comes byte by byte is answered like any other) {
  wire w;
  for (char c : "\r\n" + execute()) w.send(std::string_view(&c, 1));
  w.port().last().to->answered(200, protocol::buffer("{}"), {});
  w.run();
  CAF_CHECK_EQUAL(w.next().status, 200);
}

CAF_TEST(a chunked body is put together) {
  wire w;
  w.send(request("POST", "/execute", {},
                 "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n") +
         "4\r\n{\"co\r\n9;x=y\r\nde\":\"1\"} \r\n0\r\nHost: evil\r\n\r\n");
  CAF_REQUIRE_EQUAL(w.port().calls.size(), 1u);
  CAF_CHECK_EQUAL(w.port().last().as<call::execute>().request.code, "1");
}

CAF_TEST(a stream of events is chunked and names the execution in its head) {
  wire w;
  w.send(execute("Accept: text/event-stream\r\n"));
  CAF_CHECK(w.port().last().as<call::execute>().as == call::form::stream);
  CAF_CHECK_EQUAL(w.take(), "");
  auto& to = *w.port().last().to;
  to.accepted("exe_1");
  w.run();
  auto head = w.take();
  CAF_CHECK(has(head, "Troupe-Execution-Id: exe_1\r\n"));
  CAF_CHECK(has(head, "Content-Type: text/event-stream\r\n"));
  to.events(1, events(1, 2));
  w.run();
  CAF_CHECK(has(w.take(), "id: 1\nevent: stream\ndata: {\"n\":1,"));
  to.finished();
  w.run();
  CAF_CHECK_EQUAL(w.take(), "0\r\n\r\n");
  w.send(request("GET", "/livez"));
  CAF_CHECK_EQUAL(w.next().status, 200);
}

CAF_TEST(ndjson gives one event a line and an empty line as keep alive) {
  wire w;
  w.send(execute("Accept: application/x-ndjson\r\n"));
  auto& to = *w.port().last().to;
  to.accepted("exe_1");
  w.run();
  w.advance(5s);
  w.advance(11s);
  to.events(1, events(1, 1));
  to.finished();
  w.run();
  auto a = w.next();
  CAF_CHECK(a.complete);
  CAF_CHECK_EQUAL(a.body, "\n" + std::string(events(1, 1)[0].view()) + "\n");
}

CAF_TEST(a waiting answer carries the execution id in its head) {
  wire w;
  w.send(execute());
  w.port().last().to->accepted("exe_7");
  w.port().last().to->answered(200, protocol::buffer("{}"), {});
  w.run();
  CAF_CHECK_EQUAL(w.next().field("Troupe-Execution-Id"), "exe_7");
}

CAF_TEST(not waiting gives 202 and a Location) {
  wire w;
  w.send(request("POST", "/execute?wait=false", "{\"code\":\"1\"}"));
  CAF_CHECK(w.port().last().as<call::execute>().as == call::form::begin);
  w.port().last().to->accepted("exe_7");
  w.port().last().to->answered(202, protocol::buffer("{\"id\":\"exe_7\"}"), {});
  w.run();
  auto a = w.next();
  CAF_CHECK_EQUAL(a.status, 202);
  CAF_CHECK_EQUAL(a.field("Location"), "/v1/executions/exe_7");
}

CAF_TEST(a call that fails before its stream begins is a problem) {
  wire w;
  w.send(execute("Accept: text/event-stream\r\n"));
  w.port().last().to->failed({protocol::error_code::queue_full, "64 wait", {}, 3});
  w.run();
  auto a = w.next();
  CAF_CHECK_EQUAL(a.status, 429);
  CAF_CHECK_EQUAL(a.field("Retry-After"), "3");
  CAF_CHECK_EQUAL(a.field("Content-Type"), "application/problem+json");
}

CAF_TEST(a call that fails within its stream breaks it off with the reason) {
  wire w;
  w.send(execute("Accept: application/x-ndjson\r\n"));
  w.port().last().to->accepted("exe_1");
  w.port().last().to->events(1, events(1, 2));
  w.port().last().to->failed({protocol::error_code::unavailable, "gone", {}, 0});
  w.run();
  auto a = w.next();
  CAF_CHECK(has(a.body, "{\"type\":\"cut\",\"data\":{"));
  CAF_CHECK(!a.complete);
  CAF_CHECK(has(a.head, keep));
}

CAF_TEST(a half closed client still gets its answer) {
  wire w;
  w.send(execute());
  w.end_sending();
  CAF_CHECK(!w.port().last().dropped);
  w.port().last().to->answered(200, protocol::buffer("{}"), {});
  w.run();
  CAF_CHECK(w.port().last().dropped);
  CAF_CHECK(w.ended());
}

CAF_TEST(a client that leaves takes its execution along when it asked for that) {
  wire w;
  w.send(request("POST", "/v1/sandboxes/default/executions",
                 R"({"code":"1","on_disconnect":"cancel"})"));
  CAF_CHECK(w.port().last().as<call::execute>().request.cancel_on_disconnect);
  w.end_sending();
  CAF_CHECK(w.port().last().dropped);
  CAF_CHECK(w.ended());
}

CAF_TEST(an idle connection is ended and a slow request is told) {
  wire idle;
  idle.advance(76s);
  CAF_CHECK_EQUAL(idle.take(), "");
  idle.advance(80s);
  CAF_CHECK(idle.ended());
  wire slow;
  slow.send("GET /livez HT");
  slow.advance(11s);
  CAF_CHECK_EQUAL(slow.next().status, 408);
  wire body;
  body.send(
      "POST /execute HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n"
      "Content-Length: 10\r\n\r\n{");
  body.advance(61s);
  CAF_CHECK_EQUAL(body.next().status, 408);
}

CAF_TEST(what is too large is refused before it is read) {
  auto options = wire_options();
  options.http.body_bytes_max = 100;
  wire w(options);
  w.send("POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\n\r\n");
  auto a = w.next();
  CAF_CHECK_EQUAL(a.status, 413);
  CAF_CHECK(has(a.body, "\"limit_bytes\":100"));
  CAF_CHECK_EQUAL(a.field("Connection"), "close");
  wire chunked(options);
  chunked.send(request("POST", "/execute", {}, "Transfer-Encoding: chunked\r\n") + "ff\r\n");
  CAF_CHECK_EQUAL(chunked.next().status, 413);
  wire line;
  line.send("GET /" + std::string(20'000, 'a'));
  CAF_CHECK_EQUAL(line.next().status, 414);
  wire long_target;
  long_target.send(request("GET", "/" + std::string(9'000, 'a')));
  CAF_CHECK_EQUAL(long_target.next().status, 414);
  wire header;
  header.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 2'000 && !header.ended(); ++i)
    header.send("X-" + std::to_string(i) + ": 123456789\r\n");
  CAF_CHECK_EQUAL(header.next().status, 431);
}

CAF_TEST(a client that expects it is told to go on unless it is refused) {
  wire w;
  auto more = "Expect: 100-continue\r\nContent-Length: 12\r\nContent-Type: application/json\r\n";
  w.send(request("POST", "/execute", {}, more));
  CAF_CHECK_EQUAL(w.next().status, 100);
  w.send("{\"code\":\"1\"}");
  CAF_CHECK_EQUAL(w.port().calls.size(), 1u);
  wire other;
  other.send(request("POST", "/nothing", {}, more));
  auto a = other.next();
  CAF_CHECK_EQUAL(a.status, 404);
  CAF_CHECK_EQUAL(a.field("Connection"), "close");
}

CAF_TEST(malformed requests are told so and the connection is closed) {
  for (auto text :
       {"nonsense\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nA b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n",
        "POST /execute HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    wire w;
    w.send(text);
    auto a = w.next();
    CAF_CHECK_EQUAL(a.status, 400);
    CAF_CHECK(has(a.body, "\"malformed_request\""));
  }
}

CAF_TEST(a route that takes no body says which field it does not heed) {
  wire w;
  const std::string restart = "/v1/sandboxes/default/kernels/main/restart";
  auto told = [&](std::string_view target, std::string_view body) {
    w.send(request("POST", target, body));
    return w.next();
  };
  auto field = told(restart, R"({"wait":true})");
  CAF_CHECK_EQUAL(field.status, 422);
  CAF_CHECK(has(field.body, R"({"pointer":"/wait","detail":"is a parameter of the query)"));
  CAF_CHECK_EQUAL(told(restart, R"({"other":1})").status, 422);
  CAF_CHECK_EQUAL(told(restart, "[]").status, 422);
  CAF_CHECK_EQUAL(told(restart, "garbage").status, 400);
  CAF_CHECK_EQUAL(w.port().calls.size(), 0u);
  for (auto [target, body] :
       {std::pair(restart, "{}"), {restart, ""}, {"/kernel/reset", "garbage"}}) {
    w.send(request("POST", target, body));
    w.port().last().to->answered(200, protocol::buffer("{}"), {});
    w.run();
    CAF_CHECK_EQUAL(w.next().status, 200);
  }
}

CAF_TEST(HEAD has the head of GET and no body) {
  wire w;
  w.send(request("GET", "/kernel/status"));
  auto get = w.next();
  w.send(request("HEAD", "/kernel/status") + request("HEAD", "/v1/events"));
  auto text = w.take();
  CAF_CHECK(has(text, "Content-Length: " + get.field("Content-Length") + "\r\n"));
  CAF_CHECK(!has(text, "{"));
  CAF_CHECK(has(text, "text/event-stream"));
}

CAF_TEST(HTTP 1 0 gets no chunks and its connection is closed unless it asks) {
  wire w;
  w.send("GET /livez HTTP/1.0\r\n\r\n");
  CAF_CHECK_EQUAL(w.next().field("Connection"), "close");
  wire kept;
  kept.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CAF_CHECK_EQUAL(kept.next().field("Connection"), "keep-alive");
  wire stream;
  stream.send(
      "POST /execute HTTP/1.0\r\nAuthorization: Bearer secret\r\nContent-Length: 12\r\n"
      "Accept: application/x-ndjson\r\n\r\n{\"code\":\"1\"}");
  stream.port().last().to->accepted("exe_1");
  stream.port().last().to->events(1, events(1, 1));
  stream.port().last().to->finished();
  stream.run();
  auto a = stream.next();
  CAF_CHECK_EQUAL(a.body, std::string(events(1, 1)[0].view()) + "\n");
}

CAF_TEST(a reader of node events that is too slow is cut with a reason and can come back) {
  auto options = wire_options();
  options.http.event_queue_max = 10;
  wire w(options);
  w.send(request("GET", "/v1/events?from=1"));
  CAF_CHECK(has(w.take(), "text/event-stream"));
  auto& to = *w.port().last().to;
  to.events(1, events(1, 8));
  to.events(9, events(9, 16));
  w.run();
  auto text = w.take();
  CAF_CHECK(has(text, "id: 10\n"));
  CAF_CHECK(!has(text, "id: 11\n"));
  CAF_CHECK(has(text, ": cut {"));
  CAF_CHECK(!has(text, "0\r\n\r\n"));
  wire again(options);
  again.send(request("GET", "/v1/events?from=1", {}, "Last-Event-ID: 10\r\n"));
  CAF_CHECK_EQUAL(again.port().last().as<call::follow_node>().from, 11u);
}

CAF_TEST(draining ends idle connections and endless streams and lets answers be written) {
  wire idle;
  idle.drain();
  idle.end_sending();
  CAF_CHECK(idle.ended());
  wire endless;
  endless.send(request("GET", "/v1/events"));
  endless.drain();
  CAF_CHECK(endless.next().complete);
  wire busy;
  busy.send(execute());
  busy.drain();
  CAF_CHECK(!busy.ended());
  busy.port().last().to->answered(200, protocol::buffer("{}"), {});
  busy.run();
  auto a = busy.next();
  CAF_CHECK_EQUAL(a.status, 200);
  CAF_CHECK_EQUAL(a.field("Connection"), "close");
}

CAF_TEST(a large answer is written as it came) {
  wire w;
  w.send(execute());
  std::string body = "{\"text\":\"" + std::string(3 << 20, 'x') + "\"}";
  w.port().last().to->answered(200, protocol::buffer(body), {});
  w.run();
  CAF_CHECK(w.next().body == body);
}

CAF_TEST(whichever operation fails the session ends and lets go of its call) {
  auto scenario = [](wire& w) {
    w.send(request("GET", "/kernel/status") + execute("Accept: application/x-ndjson\r\n"));
    if (!w.port().calls.empty()) {
      auto to = w.port().last().to;
      to->accepted("exe_1");
      w.run();
      to->events(1, events(1, 3));
      w.run();
      w.advance(11s);
      to->finished();
    }
    w.run();
    w.send(request("POST", "/kernel/reset", {}, "Content-Length: 0\r\n"));
    if (w.port().calls.size() == 2)
      w.port().last().to->answered(200, protocol::buffer("{\"connection_file\":\"f\"}"), {});
    w.run();
    w.end_sending();
  };
  std::size_t reached = 0;
  for (std::size_t n = 1; n < 100; ++n) {
    wire w(wire_options(), n);
    scenario(w);
    CAF_CHECK(w.ended());
    for (auto& c : w.port().calls) CAF_CHECK(c->dropped);
    if (!w.failed()) break;
    reached = n;
  }
  CAF_CHECK_GREATER(reached, 5u);
}
