// The multiplexer against a browser of the test's own, with clients that come and go at random.
#define CAF_SUITE cdp_multiplexer
#include "protocol/cdp/multiplexer.hpp"

#include <algorithm>
#include <deque>

#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::cdp;
using namespace std::literals;
using protocol::json_member;
using protocol::json_text;

namespace {

/// As much of Chromium as sessions need: what is written to it, and what it writes.
class browser {
 public:
  void take(std::string_view text) {
    auto id = std::string(json_member(text, "id"));
    auto method = json_text(json_member(text, "method"));
    auto params = json_member(text, "params");
    auto session = json_text(json_member(text, "sessionId"));
    if (!session.empty() && !sessions.contains(session))
      return say("{\"id\":" + id + R"(,"error":{"code":-32001,"message":"gone"}})");
    if (method == "Target.attachToBrowserTarget") {
      auto made = attach(session, "browser", false);
      return reply(id, "{\"sessionId\":\"" + made + "\"}", session);
    }
    if (method == "Target.attachToTarget") {
      auto target = json_text(json_member(params, "targetId"));
      if (!std::ranges::count(targets, target))
        return say("{\"id\":" + id + R"(,"error":{"code":-32602,"message":"No target"}})");
      return reply(id, "{\"sessionId\":\"" + attach(session, target, false) + "\"}", session);
    }
    if (method == "Target.setAutoAttach") {
      waiting.insert(session);
      for (auto& target : targets) attach(session, target, false);
    }
    if (method == "Target.createTarget") {
      targets.push_back("T" + std::to_string(targets.size()));
      held.insert(targets.back());
      for (auto& watcher : waiting) attach(watcher, targets.back(), true);
    }
    if (method == "Runtime.runIfWaitingForDebugger") held.erase(sessions.at(session).target);
    if (method == "Target.detachFromTarget") end(json_text(json_member(params, "sessionId")));
    reply(id, params.empty() ? "{}" : std::string(params), session);
  }

  void event_on(const std::string& session) {
    say(R"({"method":"Test.event","params":{"of":")" + session + R"("},"sessionId":")" + session +
        "\"}");
  }

  struct session_state {
    std::string parent, target;
  };
  std::map<std::string, session_state> sessions;
  std::set<std::string> waiting, held;
  std::vector<std::string> targets{"T0"};
  std::deque<std::string> said;

 private:
  void say(std::string text) { said.push_back(std::move(text)); }
  void reply(const std::string& id, const std::string& result, const std::string& session) {
    auto tail = session.empty() ? "}" : ",\"sessionId\":\"" + session + "\"}";
    say("{\"id\":" + id + ",\"result\":" + result + tail);
  }
  std::string attach(const std::string& parent, const std::string& target, bool waits) {
    auto made = "S" + std::to_string(++made_);
    sessions[made] = {parent, target};
    auto tail = parent.empty() ? "}" : ",\"sessionId\":\"" + parent + "\"}";
    say(R"({"method":"Target.attachedToTarget","params":{"sessionId":")" + made +
        R"(","targetInfo":{"targetId":")" + target + R"("},"waitingForDebugger":)" +
        (waits ? "true" : "false") + "}" + tail);
    return made;
  }
  void end(std::string session) {  // a copy: the key it was goes
    sessions.erase(session);
    waiting.erase(session);
    for (;;) {
      auto child =
          std::ranges::find_if(sessions, [&](auto& each) { return each.second.parent == session; });
      if (child == sessions.end()) return;
      end(child->first);
    }
  }

  int made_ = 0;
};

struct client_state {
  std::string target;
  bool open = false;
  std::set<std::string> sessions;
  std::map<std::int64_t, std::string> asked;  ///< what the reply must echo
  std::int64_t last_id = 0;
};

struct fixture {
  multiplexer::time_point now{};
  multiplexer mux{{.download_path = "/downloads"}};
  browser chromium;
  std::map<client_id, client_state> clients;
  std::vector<client_id> closed, refused;
  client_id last = own_client;
  std::vector<std::string> written;  ///< to the browser

  void apply(effects what) {
    for (auto& each : what) std::visit([this](auto& e) { on(e); }, each);
  }
  void on(effect::send& e) {
    written.push_back(e.text);
    chromium.take(e.text);
  }
  void on(effect::opened& e) { clients.at(e.who).open = true; }
  void on(effect::refused& e) {
    refused.push_back(e.who);
    clients.erase(e.who);
  }
  void on(effect::close& e) { closed.push_back(e.who); }
  void on(effect::deliver& e) {
    CAF_REQUIRE(clients.contains(e.to));
    auto& c = clients.at(e.to);
    auto m = read_message(e.text);
    if (m.id.empty()) {
      if (!m.session_id.empty()) CAF_CHECK(c.sessions.contains(m.session_id));
      if (m.method == "\"Target.attachedToTarget\"")
        c.sessions.insert(json_text(json_member(m.params, "sessionId")));
      if (m.method == "\"Test.event\"" && !m.session_id.empty())
        CAF_CHECK_EQUAL(json_text(json_member(m.params, "of")), m.session_id);
      return;
    }
    auto asked = c.asked.find(protocol::json_integer(m.id, -1));
    CAF_REQUIRE(asked != c.asked.end());
    if (!asked->second.empty()) CAF_CHECK_EQUAL(m.result, asked->second);
    c.asked.erase(asked);
  }

  client_id connect(std::string target = {}) {
    auto who = clients.empty() ? own_client : ++last;
    clients[who].target = target;
    apply(mux.connect(who, target));
    return who;
  }
  void ask(client_id who, const std::string& method, const std::string& params,
           const std::string& session, std::string echo) {
    auto& c = clients.at(who);
    c.asked[++c.last_id] = std::move(echo);
    std::string text = "{\"id\":" + std::to_string(c.last_id) + ",\"method\":\"" + method + "\"";
    if (!params.empty()) text += ",\"params\":" + params;
    if (!session.empty()) text += ",\"sessionId\":\"" + session + "\"";
    apply(mux.received(who, text + "}", now));
  }
  void leave(client_id who) {
    clients.erase(who);
    apply(mux.gone(who, now));
  }
  void read_one() {
    auto text = std::move(chromium.said.front());
    chromium.said.pop_front();
    apply(mux.from_browser(text, now));
  }
  void settle() {
    while (!chromium.said.empty()) read_one();
  }
  void auto_attach(client_id who) {
    ask(who, "Target.setAutoAttach", R"({"waitForDebuggerOnStart":true})", {}, {});
    settle();
  }
  std::string session_on(client_id who, const std::string& target) {
    for (auto& s : clients.at(who).sessions)
      if (chromium.sessions.contains(s) && chromium.sessions.at(s).target == target) return s;
    return {};
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(cdp_multiplexer_tests, fixture)

CAF_TEST(the same id of two clients finds back to each) {
  connect();
  auto a = connect(), b = connect();
  settle();
  CAF_CHECK(clients.at(a).open && clients.at(b).open);
  ask(a, "Test.echo", R"({"a":1})", {}, R"({"a":1})");
  ask(b, "Test.echo", R"({"b":2})", {}, R"({"b":2})");
  settle();
  CAF_CHECK(clients.at(a).asked.empty() && clients.at(b).asked.empty());
}

CAF_TEST(the session of another is not found) {
  connect();
  auto a = connect(), b = connect();
  settle();
  auto_attach(a);
  auto session = *clients.at(a).sessions.begin();
  auto before = written.size();
  ask(b, "Runtime.evaluate", "{}", session, {});
  ask(b, "Runtime.evaluate", "{}", "NOPE", {});
  CAF_CHECK_EQUAL(written.size(), before);
  CAF_CHECK(clients.at(b).asked.empty());
}

CAF_TEST(a page that is not there is refused and one that closes closes its client) {
  connect();
  auto wrong = connect("NOPE"), right = connect("T0");
  settle();
  CAF_CHECK_EQUAL(refused, std::vector<client_id>{wrong});
  CAF_REQUIRE(clients.at(right).open);
  auto_attach(right);
  auto session = std::ranges::find_if(chromium.sessions, [](auto& s) {
                   return s.second.target == "T0" && s.second.parent.empty();
                 })->first;
  apply(mux.from_browser(
      R"({"method":"Target.detachedFromTarget","params":{"sessionId":")" + session + "\"}}", now));
  CAF_CHECK_EQUAL(closed, std::vector<client_id>{right});
  CAF_CHECK_EQUAL(mux.sessions(), 1u);  // the daemon's own
}

CAF_TEST(nobody ends the browser for all) {
  connect();
  auto a = connect();
  settle();
  auto before = written.size();
  ask(a, "Browser.crash", {}, {}, {});
  ask(a, "Target.exposeDevToolsProtocol", "{}", {}, {});
  CAF_CHECK(closed.empty());
  ask(a, "Browser.close", {}, {}, "{}");
  CAF_CHECK_EQUAL(closed, std::vector<client_id>{a});
  CAF_CHECK_EQUAL(written.size(), before);
  CAF_CHECK(clients.at(a).asked.empty());
}

CAF_TEST(no client chooses paths and proxies) {
  connect();
  auto a = connect();
  settle();
  ask(a, "Browser.setDownloadBehavior",
      R"({"behavior":"allow","downloadPath":"/etc","eventsEnabled":true})", {}, {});
  CAF_CHECK(written.back().find(
                R"({"behavior":"allow","eventsEnabled":true,"downloadPath":"/downloads"})") !=
            std::string::npos);
  ask(a, "Target.createBrowserContext",
      R"({"proxyServer":"http://evil","disposeOnDetach":true,"proxyBypassList":"*"})", {}, {});
  CAF_CHECK(written.back().find(R"("params":{"disposeOnDetach":true})") != std::string::npos);
}

CAF_TEST(a held target goes on when the last has asked) {
  auto own = connect(), a = connect(), b = connect();
  settle();
  for (auto who : {own, a, b}) auto_attach(who);
  ask(a, "Target.createTarget", R"({"url":"about:blank"})", {}, {});
  settle();
  auto resume = [&](client_id who) {
    ask(who, "Runtime.runIfWaitingForDebugger", {}, session_on(who, "T1"), {});
    settle();
  };
  resume(own);
  resume(b);
  CAF_CHECK(chromium.held.contains("T1"));
  now += 60ms;
  resume(a);
  CAF_CHECK(!chromium.held.contains("T1"));
  CAF_CHECK(!mux.due());
  for (auto who : {own, a, b}) CAF_CHECK(clients.at(who).asked.empty());
  // Each session holds navigations of its own: Chromium must hear of every one.
  auto told_by = [&](const std::string& session) {
    return std::ranges::any_of(written, [&](auto& text) {
      return text.find("runIfWaitingForDebugger") != std::string::npos &&
             text.find(session) != std::string::npos;
    });
  };
  for (auto who : {own, a, b}) CAF_CHECK(told_by(session_on(who, "T1")));
}

CAF_TEST(a held target goes on when its holder leaves or stalls) {
  auto own = connect(), a = connect();
  settle();
  for (auto who : {own, a}) auto_attach(who);
  for (auto stalls : {false, true}) {
    ask(own, "Target.createTarget", "{}", {}, {});
    settle();
    auto target = chromium.targets.back();
    ask(own, "Runtime.runIfWaitingForDebugger", {}, session_on(own, target), {});
    CAF_CHECK(chromium.held.contains(target));
    CAF_REQUIRE(mux.due().has_value());
    if (!stalls) {
      now += 60ms;
      leave(a);
      a = connect();
      settle();
      auto_attach(a);
    } else {
      now = *mux.due();
      apply(mux.elapsed(now));
    }
    settle();
    CAF_CHECK(!chromium.held.contains(target));
    CAF_CHECK(!mux.due());
  }
}

CAF_TEST(whoever comes and goes no reply is lost and no session stays) {
  std::mt19937_64 random(tests::seed());
  auto pick = [&](std::size_t n) { return random() % n; };
  connect();
  settle();
  auto_attach(own_client);
  for (int step = 0; step < 3'000; ++step) {
    now += std::chrono::milliseconds(pick(30));
    auto at = std::next(clients.begin(), static_cast<std::ptrdiff_t>(pick(clients.size())));
    auto who = at->first;
    auto& c = at->second;
    switch (pick(8)) {
      case 0:
        if (clients.size() < 12) connect(pick(3) == 0 ? "T" + std::to_string(pick(5)) : "");
        break;
      case 1:
        if (who != own_client && pick(3) == 0) leave(who);
        break;
      case 2:
        if (c.open) ask(who, "Target.setAutoAttach", R"({"waitForDebuggerOnStart":true})", {}, {});
        break;
      case 3:
        if (c.open && chromium.targets.size() < 40) ask(who, "Target.createTarget", "{}", {}, {});
        break;
      case 4:
        if (!c.sessions.empty())
          ask(who, "Runtime.runIfWaitingForDebugger", {}, *c.sessions.begin(), {});
        break;
      case 5:
        if (!chromium.sessions.empty())
          chromium.event_on(std::next(chromium.sessions.begin(),
                                      static_cast<std::ptrdiff_t>(pick(chromium.sessions.size())))
                                ->first);
        break;
      default:
        if (c.open) {
          auto echo = "{\"n\":" + std::to_string(step) + "}";
          ask(who, "Test.echo", echo, {}, echo);
        }
    }
    for (auto n = pick(6); n > 0 && !chromium.said.empty(); --n) read_one();
    if (auto due = mux.due(); due && now >= *due) apply(mux.elapsed(now));
  }
  settle();
  for (auto& [who, c] : clients) CAF_CHECK(c.asked.empty());
  CAF_CHECK_EQUAL(mux.pending(), 0u);
  std::vector<client_id> all;
  for (auto& [who, c] : clients) all.push_back(who);
  for (auto who : all) leave(who);
  settle();
  CAF_CHECK_EQUAL(mux.sessions(), 0u);
  CAF_CHECK_EQUAL(mux.pending(), 0u);
  CAF_CHECK(chromium.sessions.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
