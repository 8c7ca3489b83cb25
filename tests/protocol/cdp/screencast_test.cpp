#define CAF_SUITE cdp_screencast
#include "protocol/cdp/screencast.hpp"

#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::cdp;

namespace {

protocol::result<screencast_options> read(std::string_view text) {
  return read_screencast_options(*protocol::http::query::parse(text));
}

std::string frame(std::string_view data) {
  return R"({"method":"Page.screencastFrame","params":{"data":")" + std::string(data) +
         R"(","metadata":{"offsetTop":0,"pageScaleFactor":1,"deviceWidth":800,"deviceHeight":600,)"
         R"("scrollOffsetX":0,"scrollOffsetY":120,"timestamp":1790000000.25},"sessionId":7}})";
}

}  // namespace

CAF_TEST(options are read and what is wrong with each is said) {
  auto plain = read("");
  CAF_CHECK_EQUAL(plain->format, "jpeg");
  CAF_CHECK_EQUAL(plain->quality, 80u);
  auto all = read("format=png&quality=1&max_width=10000&max_height=1&every=1000");
  CAF_CHECK_EQUAL(all->format, "png");
  CAF_CHECK_EQUAL(all->max_width, 10'000u);
  for (auto* wrong : {"format=gif", "format=", "quality=0", "quality=101", "quality=a", "quality",
                      "max_width=0", "max_width=10001", "every=-1", "speed=2"}) {
    auto got = read(wrong);
    CAF_REQUIRE(!got);
    CAF_CHECK(got.error().code == protocol::error_code::invalid_field);
  }
  auto two = read("quality=0&speed=2");
  CAF_CHECK(two.error().detail.find("?quality") != std::string::npos);
  CAF_CHECK(two.error().detail.find("?speed") != std::string::npos);
}

CAF_TEST(it begins as it was asked to) {
  screencast plain({});
  CAF_CHECK_EQUAL(plain.begin(), R"({"id":1,"method":"Page.startScreencast","params":)"
                                 R"({"format":"jpeg","quality":80,"everyNthFrame":1}})");
  screencast small({.format = "png", .max_width = 320, .max_height = 200, .every = 3});
  CAF_CHECK_EQUAL(small.begin(),
                  R"({"id":1,"method":"Page.startScreencast","params":{"format":"png",)"
                  R"("quality":80,"everyNthFrame":3,"maxWidth":320,"maxHeight":200}})");
}

CAF_TEST(a frame is told with its number and what the page was like) {
  screencast cast({});
  cast.begin();
  auto first = cast.from_browser(frame("AAAA"));
  CAF_CHECK_EQUAL(*first,
                  R"({"type":"frame","n":1,"width":800,"height":600,"page_scale":1,"scroll_x":0,)"
                  R"("scroll_y":120,"at":"2026-09-21T14:13:20.250Z","mime":"image/jpeg",)"
                  R"("data":"AAAA"})");
  auto second = cast.from_browser(frame("BBBB"));
  CAF_CHECK_EQUAL(protocol::json_member(*second, "n"), "2");
  CAF_CHECK(!cast.from_browser(R"({"id":1,"result":{}})"));
  CAF_CHECK(!cast.from_browser(R"({"method":"Page.loadEventFired","params":{}})"));
  auto hidden = cast.from_browser(
      R"({"method":"Page.screencastVisibilityChanged","params":{"visible":false}})");
  CAF_CHECK_EQUAL(*hidden, R"({"type":"visible","visible":false})");
}

CAF_TEST(that it cannot begin is an error and that an acknowledgement came late is none) {
  screencast cast({});
  cast.begin();
  auto why = cast.from_browser(R"({"id":1,"error":{"code":-32000,"message":"no \"view\""}})");
  CAF_CHECK_EQUAL(*why, R"({"type":"error","code":"unavailable","detail":"no \"view\""})");
  CAF_CHECK(!cast.from_browser(R"({"id":2,"error":{"code":-32000,"message":"late"}})"));
}

CAF_TEST(each frame is acknowledged once up to the one that the client names) {
  screencast cast({});
  cast.begin();
  for (int i = 0; i < 3; ++i) cast.from_browser(frame("AAAA"));
  auto two = cast.from_client(R"({"ack": 2})");
  CAF_CHECK(!two.answer);
  CAF_REQUIRE_EQUAL(two.commands.size(), 2u);
  CAF_CHECK_EQUAL(two.commands[0],
                  R"({"id":2,"method":"Page.screencastFrameAck","params":{"sessionId":7}})");
  CAF_CHECK(cast.from_client(R"({"ack":1})").commands.empty());
  CAF_CHECK_EQUAL(cast.from_client(R"({"ack":3})").commands.size(), 1u);
  CAF_CHECK(cast.from_client(R"({"ack":3})").commands.empty());
}

CAF_TEST(what is no acknowledgement costs an answer and nothing else) {
  screencast cast({});
  cast.begin();
  cast.from_browser(frame("AAAA"));
  for (auto* text : {"", "1", "[]", "{", R"({"ack":"1"})", R"({"ack":0})", R"({"ack":2})",
                     R"({"ack":-1})", R"({"ack":1.5})", R"({"ack":99999999999999999999})", "{}"}) {
    auto said = cast.from_client(text);
    CAF_CHECK(said.commands.empty());
    CAF_REQUIRE(said.answer);
    CAF_CHECK(protocol::is_json_object(*said.answer));
  }
  CAF_CHECK_EQUAL(cast.from_client(R"({"ack":1})").commands.size(), 1u);
}
