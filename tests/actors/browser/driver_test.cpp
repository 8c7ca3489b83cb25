// The driver against a browser of the test's own.
#define CAF_SUITE browser_driver
#include "tests/actors/browser/fake_browser.hpp"

using namespace actors::browsing;
using protocol::error_code;

namespace {

struct fixture : tests::fake_browser {
  fixture() { start(); }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(browser_driver_tests, fixture)

CAF_TEST(a page is set up before it may run) {
  auto all = methods();
  auto enabled = std::ranges::find(all, "Page.enable");
  auto released = std::ranges::find(all, "Runtime.runIfWaitingForDebugger");
  CAF_REQUIRE(enabled != all.end() && released != all.end());
  CAF_CHECK(enabled < std::ranges::find(all, "Network.enable"));
  CAF_CHECK(std::ranges::find(all, "Page.addScriptToEvaluateOnNewDocument") < released);
  auto pages = driver.pages();
  CAF_REQUIRE_EQUAL(pages.size(), 1u);
  CAF_CHECK_EQUAL(pages[0].id, "pag_t0");
  CAF_CHECK(pages[0].active);
}

CAF_TEST(a navigation is over when its document is loaded and nothing is in flight) {
  answers["Page.navigate"] = [](const json&) { return json{{"loaderId", "L1"}}; };
  auto n = act("navigate", {{"url", "http://a.test/"}});
  say("ST0", "Network.requestWillBeSent",
      {{"requestId", "R"}, {"loaderId", "L1"}, {"request", {{"url", "http://a.test/x"}}}});
  load("T0", "L1", "http://a.test/");
  advance(600);
  CAF_CHECK(!answered[n]);
  say("ST0", "Network.loadingFinished", {{"requestId", "R"}});
  advance(499);
  CAF_CHECK(!answered[n]);
  advance(1);
  CAF_REQUIRE(answered[n] && *answered[n]);
  auto& body = (*answered[n])->body;
  CAF_CHECK_EQUAL(body["url"], "http://a.test/");
  CAF_CHECK_EQUAL(body["changed"], true);
}

CAF_TEST(a page that never rests is not waited for without end) {
  answers["Page.navigate"] = [](const json&) { return json{{"loaderId", "L1"}}; };
  auto n = act("navigate", {{"url", "http://a.test/"}});
  load("T0", "L1", "http://a.test/");
  say("ST0", "Network.requestWillBeSent",
      {{"requestId", "R"}, {"loaderId", "L1"}, {"request", {{"url", "http://a.test/x"}}}});
  advance(5'000);
  CAF_CHECK(answered[n] && *answered[n]);
}

CAF_TEST(addresses that lead out are refused) {
  for (auto url : {"file:///etc/passwd", " chrome://version", "FILE:///x", "fi\nle:///x",
                   "devtools://x", "view-source:http://a.test", "javascript:1"}) {
    CAF_CHECK(failed_with(act("navigate", {{"url", url}}), error_code::url_refused));
    CAF_CHECK(failed_with(act("new", {{"url", url}}), error_code::url_refused));
  }
}

CAF_TEST(a dialog ends the action that opened it and stands in the way of others) {
  answers["Page.navigate"] = [](const json&) { return std::nullopt; };
  auto n = act("navigate", {{"url", "http://a.test/"}});
  say("ST0", "Page.javascriptDialogOpening", {{"type", "alert"}, {"message", "hi"}});
  CAF_CHECK(!answered[n]);  // `navigate` is a way out of a dialog
  auto back = act("back");
  CAF_CHECK(failed_with(back, error_code::dialog_open));
  say("ST0", "Page.javascriptDialogClosed", json::object());
  auto pages = driver.pages();
  CAF_CHECK_EQUAL(pages.at(0).state, "ready");
}

CAF_TEST(the end of a generation ends every action) {
  answers["Page.navigate"] = [](const json&) { return std::nullopt; };
  auto n = act("navigate", {{"url", "http://a.test/"}});
  driver.ended({});
  CAF_CHECK(failed_with(n, error_code::browser_restarted));
  CAF_CHECK(driver.pages().empty());
  CAF_CHECK(failed_with(act("back"), error_code::browser_restarted));
  start();
  CAF_CHECK_EQUAL(driver.pages().size(), 1u);
}

CAF_TEST(an action is answered by its deadline) {
  answers["Page.navigate"] = [](const json&) { return std::nullopt; };
  auto n = act("navigate", {{"url", "http://a.test/"}});
  advance(9'999);
  CAF_CHECK(!answered[n]);
  advance(1);
  CAF_CHECK(failed_with(n, error_code::timed_out));
}

CAF_TEST(a new page is made empty and then navigated) {
  answers["Page.navigate"] = [](const json&) { return json{{"loaderId", "L1"}}; };
  auto n = act("new", {{"url", "http://a.test/"}}, "");
  advance(10);
  load("T1", "L1", "http://a.test/");
  advance(600);
  CAF_REQUIRE(answered[n] && *answered[n]);
  CAF_CHECK_EQUAL((*answered[n])->body["page"]["id"], "pag_t1");
  CAF_CHECK_EQUAL((*last("Target.createTarget"))["params"]["url"], "about:blank");
  CAF_CHECK(driver.find_page("active")->id() == "pag_t1");
}

CAF_TEST(what is no message of a browser is ignored) {
  for (auto text :
       {"", "{", "[]", "5", R"({"id":"x"})", R"({"method":5})",
        R"({"method":"Target.attachedToTarget"})",
        R"({"method":"Page.frameNavigated","sessionId":"ST0","params":[]})",
        R"({"method":"Network.requestWillBeSent","sessionId":"ST0","params":{"request":5}})",
        R"({"method":"Runtime.consoleAPICalled","sessionId":"ST0","params":{"args":[1]}})"})
    driver.received(text, now);
  CAF_CHECK_EQUAL(driver.pages().size(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
