// A browser of the tests' own on the other side of a driver: it answers commands by method, says
// what the test wants it to say, and has a clock that only the test moves.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/browser/driver.hpp"
#include "tests/support/unit.hpp"

namespace tests {

using actors::browsing::json;
using actors::browsing::with;

class fake_browser : public actors::browsing::driver_io {
 public:
  using handler = std::function<std::optional<json>(const json& params)>;

  explicit fake_browser(actors::browsing::driver_rules rules = {})
      : driver(std::move(rules), *this) {
    answers["Target.createTarget"] = [this](const json&) {
      auto id = "T" + std::to_string(++targets);
      attach(id);
      return json{{"targetId", id}};
    };
    answers["Page.getFrameTree"] = [](const json&) { return json::object(); };
  }

  // driver_io
  void send(std::string text) override {
    sent.push_back(json::parse(text));
    unanswered.push_back(sent.back());
  }
  void wake_at(double at) override { wake = at; }
  void tell(std::string type, json data) override { told.emplace_back(std::move(type), data); }
  void pages_changed() override { ++changes; }

  /// Answers what was sent, until nothing is. `answers` without a value: it never answers.
  void run() {
    while (!unanswered.empty()) {
      auto next = unanswered.front();
      unanswered.erase(unanswered.begin());
      auto method = next["method"].get<std::string>();
      std::optional<json> result = json::object();
      if (auto found = answers.find(method); found != answers.end())
        result = found->second(next.value("params", json::object()));
      if (!result) continue;
      json out{{"id", next["id"]}};
      out[result->contains("code") ? "error" : "result"] = *result;
      if (next.contains("sessionId")) out["sessionId"] = next["sessionId"];
      driver.received(out.dump(), now);
    }
  }
  void say(const std::string& session, std::string_view method, const json& params) {
    json out{{"method", method}, {"params", params}};
    if (!session.empty()) out["sessionId"] = session;
    driver.received(out.dump(), now);
    run();
  }
  void attach(const std::string& id, const json& more = json::object()) {
    json info{{"targetId", id}, {"type", "page"}, {"url", "about:blank"}, {"title", ""}};
    info.update(more);
    say("", "Target.attachedToTarget",
        {{"sessionId", "S" + id}, {"targetInfo", info}, {"waitingForDebugger", true}});
  }
  /// A document is there, and loaded.
  void load(const std::string& id, const std::string& loader, const std::string& url) {
    say("S" + id, "Page.frameNavigated",
        {{"frame", {{"id", id}, {"loaderId", loader}, {"url", url}}}});
    say("S" + id, "Page.lifecycleEvent", {{"frameId", id}, {"loaderId", loader}, {"name", "load"}});
    say("S" + id, "Page.frameStoppedLoading", {{"frameId", id}});
  }
  /// Moves the clock, stopping where the driver asked for it.
  void advance(double ms) {
    auto end = now + ms;
    while (wake <= end) {
      now = std::max(now, wake);
      wake = 1e18;
      driver.elapsed(now);
      run();
    }
    now = end;
  }
  void start() {
    driver.begun(++generation, now);
    run();
    attach("T0");
  }
  std::size_t act(std::string verb, json params = json::object(), std::string page = "active") {
    auto n = answered.size();
    answered.emplace_back();
    driver.perform(
        {page, std::move(verb), std::move(params), now + 10'000},
        [this, n](auto result) { answered[n].emplace(std::move(result)); }, now);
    run();
    return n;
  }
  std::vector<std::string> methods() const {
    std::vector<std::string> out;
    for (auto& each : sent) out.push_back(each["method"].get<std::string>());
    return out;
  }
  const json* last(std::string_view method) const {
    for (auto at = sent.rbegin(); at != sent.rend(); ++at)
      if ((*at)["method"] == method) return &*at;
    return nullptr;
  }
  bool failed_with(std::size_t n, protocol::error_code code) const {
    return answered[n] && !*answered[n] && answered[n]->error().code == code;
  }

  actors::browsing::driver driver;
  double now = 1'000;
  double wake = 1e18;
  int targets = 0;
  int changes = 0;
  std::uint64_t generation = 0;
  std::map<std::string, handler> answers;
  std::vector<json> sent, unanswered;
  std::vector<std::pair<std::string, json>> told;
  std::vector<std::optional<protocol::result<actors::browsing::action_answer>>> answered;
};

}  // namespace tests
