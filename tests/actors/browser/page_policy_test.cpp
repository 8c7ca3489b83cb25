// What is done about dialogs and crashes without being asked.
#define CAF_SUITE browser_page_policy
#include "actors/browser/page_policy.hpp"

#include "tests/actors/browser/fake_browser.hpp"

using namespace actors::browsing;

namespace {

struct fixture : tests::fake_browser {
  fixture() : fake_browser({.pages_max = 3}) { start(); }

  void watch(std::string dialogs) {
    policy = std::make_unique<page_policy>(
        page_policy_rules{.dialogs = std::move(dialogs), .has_clients = [this] { return clients; }},
        driver);
  }
  void open_dialog() {
    say("ST0", "Page.javascriptDialogOpening",
        {{"type", "alert"}, {"message", "hello"}, {"url", "http://a.test/"}});
  }
  std::ptrdiff_t count(const char* method) { return std::ranges::count(methods(), method); }

  bool clients = false;
  std::unique_ptr<page_policy> policy;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(browser_page_policy_tests, fixture)

CAF_TEST(a dialog is answered at once or left to who asks for it) {
  watch("dismiss");
  open_dialog();
  CAF_CHECK_EQUAL(count("Page.handleJavaScriptDialog"), 1);
}

CAF_TEST(a dialog that is to be asked about stays) {
  watch("ask");
  open_dialog();
  advance(60'000);
  CAF_CHECK_EQUAL(count("Page.handleJavaScriptDialog"), 0);
}

CAF_TEST(a client may answer a dialog before us) {
  clients = true;
  watch("dismiss");
  open_dialog();
  advance(1'000);
  CAF_CHECK_EQUAL(count("Page.handleJavaScriptDialog"), 0);
  say("ST0", "Page.javascriptDialogClosed", {{"result", true}});
  advance(5'000);
  CAF_CHECK_EQUAL(count("Page.handleJavaScriptDialog"), 0);
  open_dialog();
  advance(2'500);
  CAF_CHECK_EQUAL(count("Page.handleJavaScriptDialog"), 1);
}

CAF_TEST(a crashed page is loaded again but not in a loop) {
  watch("dismiss");
  for (int i = 0; i < 3; ++i) {
    say("ST0", "Inspector.targetCrashed", json::object());
    advance(1'000);
    say("ST0", "Inspector.targetReloadedAfterCrash", json::object());
  }
  CAF_CHECK_EQUAL(count("Page.reload"), 1);
}

CAF_TEST(beyond the bound the page goes that was used least) {
  watch("dismiss");
  for (auto* id : {"T1", "T2"}) attach(id);
  act("activate", json::object(), "pag_t0");
  attach("T3");
  auto* closed = last("Target.closeTarget");
  CAF_REQUIRE(closed != nullptr);
  CAF_CHECK_EQUAL((*closed)["params"]["targetId"], "T1");
}

CAF_TEST(a site is told once who is there) {
  watch("dismiss");
  act("authenticate", {{"username", "me"}, {"password", "x"}, {"origin", "http://a.test"}});
  auto asks = [&](const char* id, const char* origin) {
    say("ST0", "Fetch.authRequired", {{"requestId", id}, {"authChallenge", {{"origin", origin}}}});
    return (*last("Fetch.continueWithAuth"))["params"]["authChallengeResponse"]["response"];
  };
  CAF_CHECK_EQUAL(asks("1", "http://a.test"), "ProvideCredentials");
  CAF_CHECK_EQUAL(asks("1", "http://a.test"), "Default");
  CAF_CHECK_EQUAL(asks("2", "http://b.test"), "Default");
}

CAF_TEST(a page that asks for files gives the element a name) {
  watch("dismiss");
  load("T0", "L1", "http://a.test/");
  say("ST0", "Page.fileChooserOpened",
      {{"frameId", "T0"}, {"mode", "selectMultiple"}, {"backendNodeId", 7}});
  auto found = std::ranges::find(told, "browser_file_chooser", &decltype(told)::value_type::first);
  CAF_REQUIRE(found != told.end());
  CAF_CHECK_EQUAL(found->second["ref"], "e1");
  CAF_CHECK_EQUAL(found->second["multiple"], true);
}

CAF_TEST_FIXTURE_SCOPE_END()
