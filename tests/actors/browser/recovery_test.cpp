// How pages come back in the next generation of their browser.
#define CAF_SUITE browser_recovery
#include "actors/browser/recovery.hpp"

#include "tests/actors/browser/fake_browser.hpp"

using namespace actors::browsing;
using protocol::cause_kind;

namespace {

constexpr auto home = "http://a.test/two";

struct fixture : tests::fake_browser {
  fixture() {
    answers["Target.getBrowserContexts"] = [](const json&) {
      return json{{"browserContextIds", json::array()}, {"defaultBrowserContextId", "C0"}};
    };
    answers["Storage.getCookies"] = [this](const json&) { return json{{"cookies", cookies}}; };
    answers["Page.getNavigationHistory"] = [this](const json&) { return history; };
    answers["Runtime.evaluate"] = [this](const json&) {
      return json{{"result", {{"value", fills}}}};
    };
    answers["Page.navigate"] = [this](const json& params) { return went(params["url"]); };
    begin("T0");
  }

  void begin(const std::string& first) {
    session = "S" + first;
    target = first;
    driver.begun(++generation, now);
    run();
    attach(first, {{"browserContextId", "C0"}});
  }
  void end(cause_kind kind = cause_kind::signal) { driver.ended({.kind = kind}); }

  /// The page asks for a document, and has it once it was answered.
  json went(const std::string& url) {
    auto loader = "L" + std::to_string(++loaders);
    say(session, "Fetch.requestPaused", {{"requestId", loader}, {"request", {{"url", url}}}});
    say(session, "Page.frameNavigated",
        {{"frame", {{"id", target}, {"loaderId", loader}, {"url", url}}}});
    return {{"loaderId", loader}};
  }
  void arrive(const std::string& url) {
    history = {{"currentIndex", 1},
               {"entries",
                {{{"id", 1}, {"url", "http://a.test/"}, {"title", "One"}},
                 {{"id", 2}, {"url", url}, {"title", "Two"}}}}};
    load(target, "L" + std::to_string(++loaders), url);
    advance(1'000);
  }
  std::ptrdiff_t count(const char* method) { return std::ranges::count(methods(), method); }
  std::string evaluated() {
    std::string out;
    for (auto& each : sent)
      if (each["method"] == "Runtime.evaluate")
        out += each["params"]["expression"].get<std::string>() + "\n";
    return out;
  }
  const json* event(std::string_view type) const {
    for (auto& [name, data] : told)
      if (name == type) return &data;
    return nullptr;
  }

  int opened = 0, settled = 0, loaders = 0;
  page_view first;
  bool fills = true;  ///< scripts do what they are to
  std::string session, target;
  json cookies = json::array();
  json history = json::object();
  recovery watched{{.opened = [this] { ++opened; }, .settled = [this] { ++settled; }}, driver};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(browser_recovery_tests, fixture)

CAF_TEST(a browser that has nothing to bring back is open at once) {
  CAF_CHECK_EQUAL(opened, 1);
  CAF_CHECK_EQUAL(settled, 1);
  CAF_CHECK(!event("browser_restored"));
}

CAF_TEST(a page keeps its id and its address while it comes back) {
  arrive(home);
  end();
  auto pages = driver.pages();
  CAF_REQUIRE_EQUAL(pages.size(), 1u);
  CAF_CHECK_EQUAL(pages[0].id, "pag_t0");
  CAF_CHECK_EQUAL(pages[0].state, "loading");
  sent.clear();
  begin("T7");
  CAF_CHECK_EQUAL(opened, 2);
  pages = driver.pages();
  CAF_REQUIRE_EQUAL(pages.size(), 1u);
  CAF_CHECK_EQUAL(pages[0].id, "pag_t0");
  CAF_CHECK_EQUAL(pages[0].target_id, "T7");
  CAF_CHECK_EQUAL(pages[0].url, home);
  // Its history is made of documents that no site is asked for.
  CAF_CHECK_EQUAL(count("Fetch.fulfillRequest"), 2);
  CAF_CHECK_EQUAL(count("Page.resetNavigationHistory"), 1);
  CAF_CHECK_EQUAL(count("Page.reload"), 1);
  CAF_CHECK_EQUAL(settled, 1);  // clients would take what is on the way for the page itself
  load("T7", "L99", home);
  advance(100);
  first = driver.pages().at(0);
  CAF_CHECK_EQUAL(first.state, "ready");
  auto* said = event("browser_restored");
  CAF_REQUIRE(said != nullptr);
  auto& page = (*said)["pages"].at(0);
  CAF_CHECK_EQUAL(page["page_id"], "pag_t0");
  CAF_CHECK_EQUAL(settled, 2);
  CAF_CHECK_EQUAL(page["restored"], (json{"url", "history"}));
  CAF_CHECK_EQUAL(page["lost"], (json{"javascript_state"}));
  CAF_CHECK(page["error"].is_null());
}

CAF_TEST(what became of a page is in its next answer and in no other) {
  arrive(home);
  end();
  begin("T7");
  auto n = act("evaluate", {{"expression", "1"}});
  advance(200);
  CAF_CHECK(!answered[n]);  // it waits for the page
  load("T7", "L99", home);
  advance(1'000);
  CAF_REQUIRE(answered[n] && *answered[n]);
  CAF_CHECK_EQUAL((*answered[n])->body["restored"]["generation"], 2);
  auto next = act("evaluate", {{"expression", "1"}});
  advance(1'000);
  CAF_REQUIRE(answered[next] && *answered[next]);
  CAF_CHECK(!(*answered[next])->body.contains("restored"));
}

CAF_TEST(a page that is not loaded in time is let go and says so) {
  arrive(home);
  end();
  begin("T7");
  advance(6'000);
  first = driver.pages().at(0);
  CAF_CHECK_EQUAL(first.state, "ready");
  auto* said = event("browser_restored");
  CAF_REQUIRE(said != nullptr);
  CAF_CHECK((*said)["pages"].at(0)["error"].is_string());
}

CAF_TEST(cookies and storages are put back as they were) {
  cookies = {{{"name", "a"}, {"value", "1"}, {"expires", -1}, {"size", 2}, {"session", true}}};
  arrive(home);
  auto item = [&](bool local, const char* key, const char* value) {
    say(session, "DOMStorage.domStorageItemAdded",
        {{"storageId", {{"securityOrigin", "http://a.test"}, {"isLocalStorage", local}}},
         {"key", key},
         {"newValue", value}});
  };
  item(true, "kept", "here");
  item(false, "tab", "there");
  advance(1'000);
  end();
  sent.clear();
  begin("T7");
  auto* put = last("Storage.setCookies");
  CAF_REQUIRE(put != nullptr);
  CAF_CHECK_EQUAL((*put)["params"]["cookies"], (json{{{"name", "a"}, {"value", "1"}}}));
  auto script = evaluated();
  CAF_CHECK(script.find(R"(["kept","here"])") != script.npos);
  CAF_CHECK(script.find(R"(["tab","there"])") != script.npos);
  // The first document of an origin has both; the second leaves what is there.
  CAF_CHECK_EQUAL(script.find(R"(["kept","here"])"), script.rfind(R"(["kept","here"])"));
}

CAF_TEST(what could not be put back is not said to be back) {
  cookies = {{{"name", "a"}, {"value", "1"}, {"expires", -1}}};
  arrive(home);
  cookies = json::array();
  say(session, "DOMStorage.domStorageItemAdded",
      {{"storageId", {{"securityOrigin", "http://a.test"}, {"isLocalStorage", true}}},
       {"key", "k"},
       {"newValue", "v"}});
  advance(1'000);
  end();
  sent.clear();
  fills = false;
  begin("T7");
  // Cookies that were cleared do not come back from the disk.
  CAF_CHECK_EQUAL(count("Storage.clearCookies"), 1);
  CAF_CHECK_EQUAL(count("Storage.setCookies"), 0);
  load("T7", "L99", home);
  advance(3'000);
  auto& page = (*event("browser_restored"))["pages"].at(0);
  CAF_CHECK_EQUAL(std::ranges::count(page["restored"], "local_storage"), 0);
  CAF_CHECK_EQUAL(std::ranges::count(page["lost"], "local_storage"), 1);
}

CAF_TEST(what is scrolled to and typed is known) {
  arrive(home);
  say(session, "Runtime.bindingCalled",
      {{"name", "troupeSays"}, {"payload", R"({"x":0,"y":700,"typed":true})"}});
  end();
  begin("T7");
  load("T7", "L99", home);
  advance(2'000);
  CAF_CHECK(evaluated().find("top:700") != std::string::npos);
  auto& lost = (*event("browser_restored"))["pages"].at(0)["lost"];
  CAF_CHECK(std::ranges::count(lost, "form_input") == 1);
}

CAF_TEST(pages of a client end with it and are told of) {
  arrive(home);
  attach("T1", {{"browserContextId", "C1"}, {"url", "http://b.test/"}});
  end();
  auto kept = driver.pages().size();
  CAF_CHECK_EQUAL(kept, 1u);
  begin("T7");
  load("T7", "L99", home);
  advance(1'000);
  auto& lost = (*event("browser_restored"))["pages_lost"];
  CAF_REQUIRE_EQUAL(lost.size(), 1u);
  CAF_CHECK_EQUAL(lost[0]["page_id"], "pag_t1");
}

CAF_TEST(a second page gets a target of its own) {
  attach("T1", {{"browserContextId", "C0"}});
  end();
  targets = 10;
  begin("T7");
  std::vector<std::string> ids;
  for (auto& each : driver.pages()) ids.push_back(each.id + "=" + each.target_id);
  CAF_CHECK_EQUAL(ids, (std::vector<std::string>{"pag_t0=T7", "pag_t1=T11"}));
}

CAF_TEST(a browser that ends on the way brings back what was there before) {
  arrive(home);
  end();
  begin("T7");
  end();
  begin("T8");
  load("T8", "L99", home);
  advance(1'000);
  auto pages = driver.pages();
  CAF_REQUIRE_EQUAL(pages.size(), 1u);
  CAF_CHECK_EQUAL(pages[0].id, "pag_t0");
  CAF_CHECK_EQUAL(pages[0].url, home);
  CAF_CHECK_EQUAL((*event("browser_restored"))["generation"], 3);
}

CAF_TEST(whoever stops a browser is rid of its pages) {
  arrive(home);
  end(cause_kind::cancelled);
  CAF_CHECK(driver.pages().empty());
  begin("T7");
  first = driver.pages().at(0);
  CAF_CHECK_EQUAL(first.id, "pag_t7");
}

CAF_TEST(origins are as Chromium names them) {
  CAF_CHECK_EQUAL(origin_of("http://a.test:80/x?y#z"), "http://a.test:80");
  CAF_CHECK_EQUAL(origin_of("https://u:p@a.test"), "https://a.test");
  CAF_CHECK_EQUAL(origin_of("https://a.test?q=@"), "https://a.test");
  CAF_CHECK_EQUAL(origin_of("about:blank"), "");
  CAF_CHECK_EQUAL(origin_of("data:text/html,http://a.test"), "");
}

CAF_TEST(a storage that is too large is not kept and says so) {
  storage_area area;
  area.set("a", "1");
  CAF_CHECK(!area.overflowed());
  area.set("b", std::string(storage_area::bytes_max, 'x'));
  CAF_CHECK(area.overflowed());
  CAF_CHECK(area.entries().empty());
  area.assign(json::array({json::array({"c", "2"})}));
  CAF_CHECK(!area.overflowed());
  CAF_CHECK_EQUAL(area.entries().size(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
