// Pages come, go, and go elsewhere.
#include <algorithm>
#include <array>
#include <cctype>

#include "actors/browser/settle.hpp"
#include "actors/browser/verbs.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

/// As the browser reads it: without leading blanks, and without tabs and line breaks anywhere.
std::string scheme_of(const std::string& url) {
  std::string out;
  for (unsigned char c : url) {
    if (c == '\t' || c == '\n' || c == '\r' || (out.empty() && c <= ' ')) continue;
    if (c == ':') return out;
    out += static_cast<char>(std::tolower(c));
  }
  return {};
}

/// A page is needed at once, and what it starts is to be heard.
task<void> wait_for_page(turn& t, const std::string& target_id) {
  while (!(t.on = t.by.find_target(target_id))) co_await t.talk().after(5);
  while (!t.on->known) co_await t.on->changed.next(t.talk(), t.deadline_ms);
  t.on->trails.push_back(&t.seen);
}

task<void> go(turn& t, const std::string& url) {
  auto& p = *t.on;
  auto params = with("url", url);
  auto told = co_await t.top().call("Page.navigate", params, t.deadline_ms - t.talk().now());
  if (!told) refuse_reply(told, "navigate");
  auto why = text_at(told.result, "errorText");
  if (!why.empty() && !flag_at(told.result, "isDownload"))
    refuse(error_code::navigation_failed, why, with("url", url, "error", why));
  // Nothing came of a download, and a jump within the document is over.
  if (flag_at(told.result, "isDownload") || text_at(told.result, "loaderId").empty()) co_return;
  auto wanted = text_at(told.result, "loaderId");
  auto until = t.params.value("wait_until", "load");
  auto there = [&] {
    if (until == "commit") return p.main_frame().loader_id == wanted;
    return (until == "load" ? p.loaded_loader : p.parsed_loader) == wanted;
  };
  t.waits = until == "load";
  auto end = t.deadline_ms - 100;
  while (!there() && !p.gone && !p.crashed && t.talk().now() < end)
    co_await p.changed.next(t.talk(), end);
  if (p.crashed) refuse(error_code::page_crashed, "the page crashed while it loaded");
}

task<json> go_in_history(turn& t, int by) {
  auto told = co_await insist(t.top(), "Page.getNavigationHistory");
  if (!told) refuse_reply(told, "history");
  auto& entries = list_at(told.result, "entries");
  auto to = integer_at(told.result, "currentIndex") + by;
  if (to < 0 || to >= static_cast<std::int64_t>(entries.size()))
    refuse(error_code::wrong_state,
           by < 0 ? "there is no page to go back to" : "there is no page to go forward to");
  auto params = with("entryId", integer_at(entries[static_cast<std::size_t>(to)], "id"));
  auto moved = co_await t.top().call("Page.navigateToHistoryEntry", params);
  if (!moved) refuse_reply(moved, "history");
  co_await wait_for_start(t);
  co_return json::object();
}

}  // namespace

void check_url(const std::string& url) {
  static constexpr std::array<std::string_view, 6> taken{"http", "https", "data",
                                                         "blob", "about", ""};
  auto scheme = scheme_of(url);
  if (!std::ranges::count(taken, scheme))
    refuse(error_code::url_refused, "addresses of the scheme `" + scheme + "` are refused",
           with("url", url));
}

void refuse_reply(const reply& r, std::string_view what) {
  auto& e = *r.error;
  if (e.code == 0) refuse(error_code::timed_out, std::string(what) + ": the page does not answer");
  refuse(error_code::wrong_state, std::string(what) + ": " + e.message);
}

task<json> new_page(turn& t) {
  auto url = t.params.value("url", std::string());
  check_url(url);
  if (!t.by.rules().discards_pages && t.by.all_pages().size() >= t.by.rules().pages_max)
    refuse(error_code::wrong_state,
           "there are " + std::to_string(t.by.rules().pages_max) + " pages already");
  // An address given here would be asked for before the page is set up.
  auto params = with("url", "about:blank");
  auto made = co_await t.talk().ask({}, "Target.createTarget", params);
  if (!made) refuse_reply(made, "new page");
  co_await wait_for_page(t, text_at(made.result, "targetId"));
  co_await begin_trail(t);
  t.by.activate(*t.on);
  if (!url.empty() && url != "about:blank") co_await go(t, url);
  co_return with("page", to_json(t.by.view(*t.on)));
}

task<json> close_page(turn& t) {
  auto p = t.on;
  auto params = with("targetId", p->target_id());
  auto told = co_await t.talk().ask({}, "Target.closeTarget", params);
  if (!told) refuse_reply(told, "close");
  auto end = t.deadline_ms - 100;
  while (!p->gone && t.talk().now() < end) co_await p->changed.next(t.talk(), end);
  co_return json::object();
}

task<json> activate_page(turn& t) {
  t.by.activate(*t.on);
  auto params = with("targetId", t.on->target_id());
  auto told = co_await t.talk().ask({}, "Target.activateTarget", params);
  if (!told) refuse_reply(told, "activate");
  co_return with("page", to_json(t.by.view(*t.on)));
}

task<json> navigate(turn& t) {
  auto url = text_at(t.params, "url");
  check_url(url);
  co_await go(t, url);
  co_return json::object();
}

task<json> back(turn& t) {
  return go_in_history(t, -1);
}

task<json> forward(turn& t) {
  return go_in_history(t, 1);
}

task<json> reload(turn& t) {
  auto params = with("ignoreCache", flag_at(t.params, "ignore_cache"));
  auto told = co_await t.top().call("Page.reload", params);
  if (!told) refuse_reply(told, "reload");
  co_await wait_for_start(t);
  co_return json::object();
}

}  // namespace actors::browsing
