// What goes between a page and its sites: the record of it, and what is held back.
#include <utility>

#include "actors/browser/setup.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/time.hpp"

namespace actors::browsing {

namespace {

json har_headers(const json& told) {
  auto out = json::array();
  if (told.is_object())
    for (auto& [name, value] : told.items()) out.push_back(with("name", name, "value", value));
  return out;
}

json har_query(const std::string& url) {
  auto out = json::array();
  auto text = std::string_view(url).substr(0, url.find('#'));
  auto mark = text.find('?');
  while (mark != text.npos) {
    text.remove_prefix(mark + 1);
    mark = text.find('&');
    auto pair = text.substr(0, mark);
    auto equals = pair.find('=');
    out.push_back(with("name", pair.substr(0, equals), "value",
                       equals == pair.npos ? std::string_view() : pair.substr(equals + 1)));
  }
  return out;
}

/// HTTP Archive 1.2, `entries`. -1: not known.
json har_entry(const request_entry& x, const std::string& page_id) {
  auto request = with("method", x.method, "url", x.url, "httpVersion", x.protocol, "cookies",
                      json::array(), "headers", har_headers(x.request_headers), "queryString",
                      har_query(x.url), "headersSize", -1, "bodySize", -1);
  auto response = with("status", x.status, "statusText", x.status_text, "httpVersion", x.protocol,
                       "cookies", json::array(), "headers", har_headers(x.response_headers),
                       "content", with("size", x.bytes, "mimeType", x.mime), "redirectURL", "",
                       "headersSize", -1, "bodySize", x.over ? json(x.bytes) : json(-1));
  if (!x.failed.empty()) response["_error"] = x.failed;
  return with("pageref", page_id, "startedDateTime",
              protocol::rfc3339(static_cast<protocol::unix_ms>(x.started_ms)), "time",
              x.duration_ms, "request", std::move(request), "response", std::move(response),
              "cache", json::object(), "timings",
              with("send", 0, "wait", x.duration_ms, "receive", 0), "_resourceType", x.type);
}

}  // namespace

task<json> har(turn& t) {
  auto& p = *t.on;
  auto entries = json::array();
  for (auto& each : p.network) entries.push_back(har_entry(each, p.id()));
  auto began = entries.empty() ? json("") : entries[0]["startedDateTime"];
  auto pages = json::array();
  pages.push_back(with("id", p.id(), "title", p.title, "startedDateTime", std::move(began),
                       "pageTimings", json::object()));
  co_return with("log", with("version", "1.2", "creator", with("name", "troupe", "version", "1"),
                             "pages", std::move(pages), "entries", std::move(entries)));
}

task<json> block(turn& t) {
  auto& p = *t.on;
  p.blocked = list_at(t.params, "patterns");
  for (auto& id : p.sessions()) apply_rules({t.talk(), id}, p);
  co_return with("patterns", p.blocked);
}

task<json> authenticate(turn& t) {
  auto& p = *t.on;
  p.credentials.reset();
  if (auto user = text_at(t.params, "username"); !user.empty())
    p.credentials = page::login{text_at(t.params, "origin"), user, text_at(t.params, "password")};
  for (auto& id : p.sessions()) apply_rules({t.talk(), id}, p);
  co_return json::object();
}

task<json> downloads(turn& t) {
  auto out = json::array();
  for (auto& [id, each] : t.by.downloads()) out.push_back(to_json(each));
  co_return with("downloads", std::move(out));
}

}  // namespace actors::browsing
