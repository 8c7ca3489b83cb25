// Pages that do not answer, in virtual time.
#define CAF_SUITE browser_page_watch
#include "actors/browser/page_watch.hpp"

#include "tests/actors/browser/fake_browser.hpp"

using namespace actors::browsing;

namespace {

struct fixture : tests::fake_browser {
  fixture() {
    answers["Runtime.evaluate"] = [this](const json&) -> std::optional<json> {
      if (hangs) return std::nullopt;
      return json{{"result", {{"value", 1}}}};
    };
  }
  /// `start` begins the watch, which must be there by then.
  void watch(bool recovers = true) {
    watched = std::make_unique<page_watch>(
        page_watch_rules{.recovers = recovers, .has_clients = [this] { return clients; }}, driver);
    start();
  }
  std::vector<std::string> steps() const {
    std::vector<std::string> out;
    for (auto& [type, data] : told)
      if (type.starts_with("browser_page_"))
        out.push_back(type == "browser_page_responsive" ? "responsive"
                                                        : data["step"].get<std::string>());
    return out;
  }
  using words = std::vector<std::string>;

  bool hangs = false, clients = false;
  std::unique_ptr<page_watch> watched;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(browser_page_watch_tests, fixture)

CAF_TEST(a page that answers is left alone) {
  watch();
  advance(120'000);
  CAF_CHECK_EQUAL(steps(), words{});
}

CAF_TEST(a page that hangs has its script ended) {
  watch();
  answers["Runtime.terminateExecution"] = [this](const json&) {
    hangs = false;
    return json::object();
  };
  hangs = true;
  advance(11'000);
  CAF_CHECK_EQUAL(steps(), words{});
  advance(30'000);
  CAF_CHECK_EQUAL(steps(), (words{"none", "script_ended", "responsive"}));
  auto state = driver.pages().at(0).state;
  CAF_CHECK_EQUAL(state, "ready");
}

CAF_TEST(a page that nothing helps is left and then closed) {
  watch();
  answers["Target.closeTarget"] = [this](const json& params) {
    say("", "Target.targetDestroyed", {{"targetId", params["targetId"]}});
    return json{{"success", true}};
  };
  hangs = true;
  advance(60'000);
  CAF_CHECK_EQUAL(steps(), (words{"none", "script_ended", "left", "closed"}));
  auto left = driver.pages().size();
  CAF_CHECK_EQUAL(left, 0u);
}

CAF_TEST(a page that hangs again soon is not helped by the same again) {
  watch();
  answers["Runtime.terminateExecution"] = answers["Page.navigate"] = [this](const json&) {
    hangs = false;
    return json::object();
  };
  for (int i = 0; i < 2; ++i) {
    hangs = true;
    advance(20'000);
  }
  CAF_CHECK_EQUAL(steps(),
                  (words{"none", "script_ended", "responsive", "none", "left", "responsive"}));
}

CAF_TEST(a page that a client may have stopped is only told of) {
  watch();
  clients = hangs = true;
  advance(60'000);
  CAF_CHECK_EQUAL(steps(), words{"none"});
  auto state = driver.pages().at(0).state;
  CAF_CHECK_EQUAL(state, "unresponsive");
  hangs = false;
  advance(5'000);
  CAF_CHECK_EQUAL(steps(), (words{"none", "responsive"}));
}

CAF_TEST(what an action runs takes as long as the action) {
  watch();
  hangs = true;
  driver.perform(
      {"active", "evaluate", {{"expression", "long()"}}, now + 40'000}, [](auto) {}, now);
  advance(39'000);
  CAF_CHECK_EQUAL(steps(), words{});
}

CAF_TEST(whoever wants no help is only told) {
  watch(false);
  hangs = true;
  advance(60'000);
  CAF_CHECK_EQUAL(steps(), words{"none"});
}

CAF_TEST_FIXTURE_SCOPE_END()
