#define CAF_SUITE http_files

#include "gateways/http/file_work.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/gateways/http/wire.hpp"
#include "tests/support/unit.hpp"

using namespace std::chrono_literals;
using namespace tests;

namespace {

/// A session whose sandbox `default` has a workspace on disk.
struct desk {
  workspace space;
  wire w;

  explicit desk(gateways::http_server_options options = wire_options(), std::size_t fail_at = 0)
      : w(std::move(options), fail_at) {
    w.views().put(sandbox());
  }

  protocol::sandbox_view sandbox() const {
    protocol::sandbox_view out;
    out.spec.id = "default";
    out.state = protocol::sandbox_state::ready;
    out.workspace = space.inside;
    return out;
  }
  void limit_disk(std::uint64_t bytes, std::uint64_t used) {
    auto view = sandbox();
    view.spec.limit.disk_bytes = bytes;
    w.views().put(view);
    protocol::sandbox_usage found;
    found.disk_measured = true;
    found.disk_bytes = used;
    w.views().put_usage("default", found);
  }

  static std::string head(std::string_view method, std::string_view path, std::string_view more) {
    return request(method, "/v1/sandboxes/default/files/" + std::string(path), {}, more);
  }
  parsed_answer ask(std::string_view method, std::string_view path, std::string_view more = {}) {
    w.send(head(method, path, more));
    return w.next();
  }
  parsed_answer put(std::string_view path, std::string_view body, std::string_view more = {}) {
    auto length = "Content-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more);
    w.send(head("PUT", path, length) + std::string(body));
    return w.next();
  }
};

/// Runs what is posted when it is told to.
class later final : public actors::blocking_pool {
 public:
  void post(std::string_view, std::function<void()> work) override {
    posted_.push_back(std::move(work));
  }
  void run() {
    for (auto& each : std::exchange(posted_, {})) each();
  }

 private:
  std::vector<std::function<void()>> posted_;
};

struct told_source final : gateways::http::byte_source {
  explicit told_source(bool& gone) : is_gone(gone) {}
  ~told_source() override { is_gone = true; }
  protocol::result<std::string> read(std::size_t) override { return std::string(); }
  bool& is_gone;
};

}  // namespace

CAF_TEST(work that waits when the daemon ends is not begun) {
  later pool;
  gateways::file_pools pools{&pool, &pool};
  bool ran = false;
  gateways::http::file_plan plan;
  plan.slow = true;
  plan.run = [&](const auto&, const auto&) -> gateways::http::file_outcome {
    ran = true;
    return gateways::http::answer{};
  };
  auto work = gateways::http::file_work::start(plan, pools, [] {});
  *pools.stopping = true;
  pool.run();
  auto done = work->take();
  CAF_REQUIRE(done && std::holds_alternative<protocol::fault>(*done));
  CAF_CHECK(std::get<protocol::fault>(*done).code == protocol::error_code::draining);
  CAF_CHECK(!ran);
  CAF_CHECK_EQUAL(pools.slow_work->load(), 0u);
}

CAF_TEST(bytes that nobody takes are let go of on the pool) {
  later pool;
  gateways::file_pools pools{&pool, &pool};
  bool gone = false;
  gateways::http::file_plan plan;
  plan.run = [&](const auto&, const auto&) -> gateways::http::file_outcome {
    return gateways::http::download{{}, 0, std::make_shared<told_source>(gone)};
  };
  auto work = gateways::http::file_work::start(plan, pools, [] {});
  pool.run();
  CAF_CHECK(work->take().has_value());
  CAF_CHECK(!gone);
  pool.run();
  CAF_CHECK(gone);
}

CAF_TEST(an upload takes what the limit of the disk leaves) {
  desk d;
  d.limit_disk(1'000, 400);
  CAF_CHECK_EQUAL(d.put("f", std::string(600, 'x')).status, 201);
  auto refused = d.put("g", std::string(601, 'x'));
  CAF_CHECK_EQUAL(refused.status, 507);
  CAF_CHECK_NOT_EQUAL(refused.body.find("\"disk_quota\""), std::string::npos);
  CAF_CHECK_NOT_EQUAL(refused.body.find("\"remaining\":600"), std::string::npos);
  CAF_CHECK(!std::filesystem::exists(d.space.at("g")));
}

CAF_TEST(an upload in chunks ends where the limit of the disk does) {
  desk d;
  d.limit_disk(1'000, 2'000);
  d.w.send(desk::head("PUT", "f", "Transfer-Encoding: chunked\r\n") + "1\r\nx\r\n0\r\n\r\n");
  CAF_CHECK_EQUAL(d.w.next().status, 507);
  CAF_CHECK(!std::filesystem::exists(d.space.at("f")));
  desk without;
  without.limit_disk(0, 2'000);
  CAF_CHECK_EQUAL(without.put("f", "x").status, 201);
}

CAF_TEST(files wait until the sandbox is opened) {
  desk d;
  auto view = d.sandbox();
  view.state = protocol::sandbox_state::starting;
  d.w.views().put(view);
  auto refused = d.ask("GET", "f");
  CAF_CHECK_EQUAL(refused.status, 503);
  CAF_CHECK_EQUAL(refused.field("Retry-After"), "1");
  view.opened = true;
  d.w.views().put(view);
  CAF_CHECK_EQUAL(d.put("f", "x").status, 201);
}

CAF_TEST(a head without a body knows no ranges) {
  desk d;
  (void)d.put("f", "text");
  for (auto range : {"Range: bytes=1-2\r\n", "Range: bytes=9-\r\n"}) {
    auto head = d.ask("HEAD", "f", range);
    CAF_CHECK_EQUAL(head.status, 200);
    CAF_CHECK_EQUAL(head.field("Content-Length"), "4");
  }
}

CAF_TEST(a file goes in and comes out on one connection) {
  desk d;
  CAF_CHECK_EQUAL(d.put("output/f", "text").status, 201);
  CAF_CHECK_EQUAL(d.put("output/f", "other").status, 200);
  auto got = d.ask("GET", "output/f");
  CAF_CHECK_EQUAL(got.status, 200);
  CAF_CHECK_EQUAL(got.body, "other");
  CAF_CHECK_EQUAL(d.ask("GET", "output/f", "Range: bytes=1-2\r\n").body, "th");
  CAF_CHECK_EQUAL(d.ask("GET", "output/f", "If-None-Match: " + got.field("ETag") + "\r\n").status,
                  304);
  CAF_CHECK_EQUAL(d.ask("HEAD", "output/f").field("Content-Length"), "5");
  CAF_CHECK_EQUAL(d.w.take(), "");
  CAF_CHECK_EQUAL(d.ask("DELETE", "output/f").status, 204);
  CAF_CHECK_EQUAL(d.ask("GET", "output/f").status, 404);
  CAF_CHECK(!d.w.ended());
}

CAF_TEST(a file larger than what is read at once comes whole) {
  desk d;
  std::string text;
  for (int i = 0; text.size() < (3 << 20); ++i) text += std::to_string(i) + "\n";
  CAF_CHECK_EQUAL(d.put("f", text).status, 201);
  CAF_CHECK(workspace::text(d.space.at("f")) == text);
  auto got = d.ask("GET", "f");
  CAF_CHECK(got.complete && got.body == text);
}

CAF_TEST(pipelined uploads and downloads are answered in order) {
  desk d;
  auto put = desk::head("PUT", "f", "Content-Length: 1\r\n");
  d.w.send(put + "1" + desk::head("GET", "f", {}) + put + "2" + desk::head("GET", "f", {}));
  CAF_CHECK_EQUAL(d.w.next().status, 201);
  CAF_CHECK_EQUAL(d.w.next().body, "1");
  CAF_CHECK_EQUAL(d.w.next().status, 200);
  CAF_CHECK_EQUAL(d.w.next().body, "2");
}

CAF_TEST(an upload that is refused is answered before its body and the connection ends) {
  desk d;
  d.w.send(desk::head("PUT", ".store/f", "Content-Length: 1000000\r\n"));
  auto refused = d.w.next();
  CAF_CHECK_EQUAL(refused.status, 403);
  CAF_CHECK_EQUAL(refused.field("Connection"), "close");
}

CAF_TEST(a client that waits for a go ahead gets it before it sends) {
  desk d;
  d.w.send(desk::head("PUT", "f", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
  CAF_CHECK_EQUAL(d.w.next().status, 100);
  d.w.send("ok");
  CAF_CHECK_EQUAL(d.w.next().status, 201);
}

CAF_TEST(a body has the bound of its route) {
  auto options = wire_options();
  options.http.body_bytes_max = 2'000;
  options.http.upload_bytes_max = 4'000;
  std::string large(3'000, 'x'), larger(5'000, 'x');
  {
    desk d(options);
    CAF_CHECK_EQUAL(d.put("f", large).status, 201);
    auto refused = d.put("f", larger);
    CAF_CHECK_EQUAL(refused.status, 413);
    CAF_CHECK_NOT_EQUAL(refused.body.find("\"limit_bytes\":4000"), std::string::npos);
  }
  {
    desk d(options);
    d.w.send(request("POST", "/execute", "{\"code\":\"" + large + "\"}"));
    auto refused = d.w.next();
    CAF_CHECK_EQUAL(refused.status, 413);
    CAF_CHECK_NOT_EQUAL(refused.body.find("\"limit_bytes\":2000"), std::string::npos);
  }
  {
    desk d(options);
    d.w.send(request("POST", "/execute", {},
                     "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n") +
             "bb8\r\n" + large + "\r\n0\r\n\r\n");
    CAF_CHECK_EQUAL(d.w.next().status, 413);
  }
}

CAF_TEST(an upload that goes on is not too slow and one that stops is) {
  auto options = wire_options();
  options.http.body_timeout_ms = 1'000;
  desk d(options);
  d.w.send(desk::head("PUT", "f", "Content-Length: 3\r\n"));
  d.w.send("1");
  d.w.advance(900ms);
  CAF_CHECK_EQUAL(d.w.take(), "");
  d.w.advance(1'100ms);
  CAF_CHECK_EQUAL(d.w.next().status, 408);
  CAF_CHECK(!std::filesystem::exists(d.space.at("f")));
}

CAF_TEST(an upload in drops is cut and one at the least rate goes on) {
  auto options = wire_options();
  options.http.body_timeout_ms = 1'000;
  options.http.body_rate_min = 100;
  desk fast(options);
  fast.w.send(desk::head("PUT", "f", "Content-Length: 200\r\n"));
  for (int n = 0; n < 20; ++n) {
    fast.w.pass(100ms);
    fast.w.send("0123456789");
  }
  CAF_CHECK_EQUAL(fast.w.next().status, 201);
  desk slow(options);
  slow.w.send(desk::head("PUT", "f", "Content-Length: 200\r\n"));
  int sent = 0;
  while (sent < 200 && slow.w.quiet()) {
    slow.w.pass(100ms);
    slow.w.send("0");
    ++sent;
  }
  CAF_CHECK(sent > 5 && sent < 20);  // 1,000 ms and 10 for each byte are 11 times 100
  auto refused = slow.w.next();
  CAF_CHECK_EQUAL(refused.status, 408);
  CAF_CHECK_EQUAL(refused.field("Connection"), "close");
  CAF_CHECK(!std::filesystem::exists(slow.space.at("f")));
}

CAF_TEST(what an upload sent fast buys it no more than the timeout) {
  auto options = wire_options();
  options.http.body_timeout_ms = 1'000;
  options.http.body_rate_min = 100;
  desk d(options);
  d.w.send(desk::head("PUT", "f", "Content-Length: 100001\r\n") + std::string(100'000, 'x'));
  d.w.pass(900ms);
  CAF_CHECK(d.w.quiet());
  d.w.pass(200ms);
  CAF_CHECK_EQUAL(d.w.next().status, 408);
}

CAF_TEST(without a least rate an upload in drops goes on) {
  auto options = wire_options();
  options.http.body_timeout_ms = 1'000;
  options.http.body_rate_min = 0;
  desk d(options);
  d.w.send(desk::head("PUT", "f", "Content-Length: 20\r\n"));
  for (int n = 0; n < 20; ++n) {
    d.w.pass(900ms);
    d.w.send("0");
  }
  CAF_CHECK_EQUAL(d.w.next().status, 201);
}

CAF_TEST(a date is as good as an ETag to the second) {
  desk d;
  CAF_CHECK_EQUAL(d.put("f", "1").status, 201);
  auto at = d.ask("HEAD", "f").field("Last-Modified");
  auto since = [](std::string_view name, std::string_view date) {
    return std::string(name) + ": " + std::string(date) + "\r\n";
  };
  constexpr auto long_ago = "Sun, 06 Nov 1994 08:49:37 GMT";
  auto same = d.ask("GET", "f", since("If-Modified-Since", at));
  CAF_CHECK_EQUAL(same.status, 304);
  CAF_CHECK_EQUAL(same.field("Last-Modified"), at);
  CAF_CHECK_EQUAL(d.ask("GET", "f", since("If-Modified-Since", long_ago)).body, "1");
  CAF_CHECK_EQUAL(d.put("f", "2", since("If-Unmodified-Since", long_ago)).status, 412);
  CAF_CHECK_EQUAL(d.ask("DELETE", "f", since("If-Unmodified-Since", long_ago)).status, 412);
  CAF_CHECK_EQUAL(d.ask("GET", "f").body, "1");
  CAF_CHECK_EQUAL(d.put("f", "3", since("If-Unmodified-Since", "some day")).status, 200);
  CAF_CHECK_EQUAL(d.put("g", "4", since("If-Unmodified-Since", long_ago)).status, 201);
  at = d.ask("HEAD", "f").field("Last-Modified");
  CAF_CHECK_EQUAL(d.ask("DELETE", "f", since("If-Unmodified-Since", at)).status, 204);
}

CAF_TEST(only the tail of a path has slashes) {
  desk d;
  CAF_CHECK_EQUAL(d.put("a/b/c", "x").status, 201);
  CAF_CHECK_EQUAL(d.ask("GET", "a%2fb/c").status, 400);
  CAF_CHECK_EQUAL(d.ask("GET", "%2fetc/passwd").status, 403);
  CAF_CHECK_EQUAL(d.ask("GET", "..%2foutside/secret").status, 403);
  CAF_CHECK_EQUAL(d.ask("GET", "a/b/").status, 200);
  CAF_CHECK_EQUAL(d.ask("GET", "a/b/c/").status, 409);
  CAF_CHECK_EQUAL(d.ask("GET", "%2e%2e/outside/secret").status, 403);
  CAF_CHECK_EQUAL(d.ask("GET", "a//b/./c").body, "x");
  CAF_CHECK_EQUAL(d.ask("POST", "a").field("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
}

// Invariant: whichever operation fails, the file is the old one or the new one.
CAF_TEST(an upload and a download survive a failure of any operation) {
  for (std::size_t n = 1;; ++n) {
    desk d(wire_options(), n);
    d.space.put(d.space.at("f"), "old");
    (void)d.put("f", "new");
    (void)d.ask("GET", "f");
    auto text = workspace::text(d.space.at("f"));
    CAF_REQUIRE(text == "old" || text == "new");
    if (!d.w.failed()) break;
    CAF_REQUIRE(n < 100);
  }
}
