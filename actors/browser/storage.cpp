// What a site keeps in the browser: cookies and its two storages.
#include <array>
#include <utility>

#include "actors/browser/target.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/json.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

/// As the edge names what CDP names otherwise.
constexpr std::array<std::pair<const char*, const char*>, 9> names{{{"name", "name"},
                                                                    {"value", "value"},
                                                                    {"domain", "domain"},
                                                                    {"path", "path"},
                                                                    {"expires", "expires"},
                                                                    {"http_only", "httpOnly"},
                                                                    {"secure", "secure"},
                                                                    {"same_site", "sameSite"},
                                                                    {"url", "url"}}};

json cookie(const json& told) {
  auto out = json::object();
  for (auto& [mine, theirs] : names)
    if (told.contains(theirs)) out[mine] = told[theirs];
  return out;
}

task<json> get_cookies(turn& t) {
  json told;
  auto s = t.top();
  if (auto& urls = list_at(t.params, "urls"); !urls.empty()) {
    auto params = with("urls", urls);
    auto got = co_await s.call("Network.getCookies", params);
    told = std::move(got.result);
  } else {
    auto got = co_await s.call("Network.getCookies");
    told = std::move(got.result);
  }
  auto out = json::array();
  for (auto& each : list_at(told, "cookies")) out.push_back(cookie(each));
  co_return with("cookies", std::move(out));
}

task<void> set_cookie(turn& t, json given) {
  auto params = json::object();
  for (auto& [mine, theirs] : names)
    if (auto& value = at(given, mine); !value.is_null()) params[theirs] = value;
  if (number_at(params, "expires") < 0) params.erase("expires");  // with the session
  if (!params.contains("url") && !params.contains("domain")) params["url"] = t.on->url;
  auto s = t.top();
  auto told = co_await s.call("Network.setCookie", params);
  if (!told || !flag_at(told.result, "success"))
    refuse(error_code::invalid_field,
           told ? "the browser does not take the cookie" : told.error->message,
           with("name", text_at(given, "name")));
}

/// One, or all that `get` gave.
task<json> set_cookies(turn& t) {
  auto given = at(t.params, "cookies");
  if (!given.is_array()) given = json::array({t.params});
  for (auto& each : given) co_await set_cookie(t, each);
  co_return with("set", given.size());
}

task<json> clear_cookies(turn& t) {
  auto name = text_at(t.params, "name");
  if (name.empty()) {
    // By the page, for not every Chromium knows its own context by its id.
    auto s = t.top();
    auto told = co_await s.call("Network.clearBrowserCookies");
    if (!told) refuse_reply(told, "cookies");
    co_return json::object();
  }
  auto params = with("name", name);
  for (auto* each : {"url", "domain", "path"})
    if (auto& value = at(t.params, each); value.is_string()) params[each] = value;
  if (!params.contains("url") && !params.contains("domain")) params["url"] = t.on->url;
  auto s = t.top();
  auto told = co_await s.call("Network.deleteCookies", params);
  if (!told) refuse_reply(told, "cookies");
  co_return json::object();
}

}  // namespace

task<json> cookies(turn& t) {
  auto what = t.params.value("action", std::string("get"));
  if (what == "set") return set_cookies(t);
  if (what == "clear") return clear_cookies(t);
  return get_cookies(t);
}

task<json> storage(turn& t) {
  auto area = t.params.value("area", std::string("local")) + "Storage";
  auto what = t.params.value("action", std::string("get"));
  std::string script = "try { const s = " + area + ";";
  if (what == "set") {
    auto items = at(t.params, "items");
    if (!items.is_object()) items = json::object();
    script += "for (const [k, v] of Object.entries(" +
              items.dump(-1, ' ', true, json::error_handler_t::replace) + ")) s.setItem(k, v);";
  } else if (what == "clear") {
    auto& keys = list_at(t.params, "keys");
    script += keys.empty()
                  ? "s.clear();"
                  : "for (const k of " + keys.dump(-1, ' ', true, json::error_handler_t::replace) +
                        ") s.removeItem(k);";
  }
  auto told = co_await evaluate_in(t, t.on->target_id(),
                                   "(() => {" + script +
                                       "return {items: Object.fromEntries(Object.entries(s))};"
                                       "} catch (e) { return {why: String(e)}; }})()");
  if (!at(told, "items").is_object())
    refuse(error_code::wrong_state, "the page has no storage: " + text_at(told, "why"));
  co_return with("area", t.params.value("area", std::string("local")), "items", at(told, "items"));
}

}  // namespace actors::browsing
