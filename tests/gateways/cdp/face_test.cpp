#define CAF_SUITE cdp_face
#include "gateways/cdp/face.hpp"

#include "tests/support/unit.hpp"

using namespace gateways;

namespace {

const browser_version version{"Chrome/156.0.8078.79", "1.3", "Mozilla/5.0 (X11)", "15.6.75.27",
                              "@ab12"};
const cdp_place here{"127.0.0.1:9222", ""};

constexpr auto version_page = R"page({
   "Browser": "Chrome/156.0.8078.79",
   "File-Path-Style": "posix",
   "Protocol-Version": "1.3",
   "User-Agent": "Mozilla/5.0 (X11)",
   "V8-Version": "15.6.75.27",
   "WebKit-Version": "537.36 (@ab12)",
   "webSocketDebuggerUrl": "ws://127.0.0.1:9222/devtools/browser/u-1"
}
)page";

constexpr auto first_target = R"(/devtools/page/A",
   "id": "A",
   "title": "a \"b\"",
   "type": "page",
   "url": "http://x/",
   "webSocketDebuggerUrl": "ws://h:1/token/t/devtools/page/A"
}, {
)";

}  // namespace

CAF_TEST(a path asks for what it asks of Chromium) {
  using enum cdp_action;
  auto what = [](std::string_view target) { return read_cdp_target(target).what; };
  CAF_CHECK(what("/") == root && what("") == root);
  for (auto target : {"/json", "/json/list", "/json?x", "/json/list/"}) {
    CAF_CHECK(what(target) == list);
    CAF_CHECK(!read_cdp_target(target).tabs);
  }
  CAF_CHECK(read_cdp_target("/json/list?for_tab").tabs);
  CAF_CHECK(what("/json/version") == version && what("/json/version/") == version);
  CAF_CHECK(what("/json/protocol") == protocol);
  CAF_CHECK(what("/jsonx") == nothing && what("/devtools/browser") == nothing);
  CAF_CHECK(what("/devtools/page") == nothing && what("/other") == nothing);
  CAF_CHECK(what("/json/") == unknown && read_cdp_target("/json/").argument.empty());
  CAF_CHECK_EQUAL(read_cdp_target("/json/bogus/x").argument, "bogus");
  CAF_CHECK_EQUAL(read_cdp_target("/json/close/AB").argument, "AB");
  CAF_CHECK(what("/json/activate/AB?x") == activate);
  CAF_CHECK_EQUAL(read_cdp_target("/devtools/page/AB").argument, "AB");
  CAF_CHECK_EQUAL(read_cdp_target("/devtools/browser/u-1").argument, "u-1");
}

CAF_TEST(a new page has the URL decoded once or none) {
  auto url = [](std::string target) { return read_cdp_target("/json/new" + target).argument; };
  CAF_CHECK_EQUAL(url("?http://a/?b=%2541"), "http://a/?b=%41");
  CAF_CHECK_EQUAL(url("?chrome://newtab/"), "chrome://newtab/");
  CAF_CHECK_EQUAL(url("?data:text/html,%3Cb%3E"), "data:text/html,<b>");
  for (auto none : {"", "?", "?nonsense", "?:x", "?http:", "?1:x"})
    CAF_CHECK_EQUAL(url(none), "about:blank");
  CAF_CHECK_EQUAL(url("?http://a/%zz"), "http://a/%zz");
}

CAF_TEST(the version is told as Chromium tells it) {
  CAF_CHECK_EQUAL(version_text(version, "u-1", here), version_page);
}

CAF_TEST(targets are listed as Chromium lists them but for browsers) {
  auto result = R"({"targetInfos":[{"targetId":"B","type":"browser"},
    {"targetId":"A","type":"page","title":"a \"b\"","url":"http://x/","attached":true},
    {"targetId":"C","type":"iframe","title":"","url":"","parentFrameId":"A"}, 7]})";
  auto one = list_text(result, "@r", {"h:1", "/token/t"});
  CAF_REQUIRE(one);
  const std::string base =
      "https://chrome-devtools-frontend.appspot.com/serve_rev/@r/inspector.html?ws=h:1/token/t";
  auto first =
      "[ {\n   \"description\": \"\",\n   \"devtoolsFrontendUrl\": \"" + base + first_target;
  CAF_CHECK_EQUAL(one->substr(0, first.size()), first);
  CAF_CHECK(one->find("   \"id\": \"C\",\n   \"parentId\": \"A\",\n") != one->npos);
  CAF_CHECK_EQUAL(*list_text("{}", "@r", here), "[  ]\n");
  CAF_CHECK_EQUAL(*list_text(R"({"targetInfos":5})", "@r", here), "[  ]\n");
  CAF_CHECK(!list_text("{", "@r", here));
}

CAF_TEST(an answer has the header fields of Chromium in its order) {
  CAF_CHECK_EQUAL(answer_text({.body = "x"}, true, false),
                  "HTTP/1.1 200 OK\r\nContent-Security-Policy:frame-ancestors 'none'\r\n"
                  "Content-Length:1\r\nContent-Type:application/json; charset=UTF-8\r\n\r\nx");
  CAF_CHECK_EQUAL(answer_text(html_answer(404), true, false),
                  "HTTP/1.1 404 Not Found\r\nContent-Length:0\r\nContent-Type:text/html\r\n\r\n");
  CAF_CHECK(answer_text({.body = "x"}, false, true).ends_with("\r\nConnection:close\r\n\r\n"));
}
