// How pages come back: see recovery.hpp.
#include <algorithm>
#include <utility>

#include "actors/browser/recovery.hpp"
#include "actors/browser/setup.hpp"
#include "actors/browser/verbs.hpp"

namespace actors::browsing {

namespace {

constexpr std::string_view stub_body = "PCFkb2N0eXBlIGh0bWw+";  ///< `<!doctype html>`
/// A path that sites do not have; it never reaches one.
constexpr std::string_view stub_path = "/.troupe-restores";

std::string_view without_fragment(std::string_view url) {
  return url.substr(0, url.find('#'));
}

std::string literal(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

/// As Storage.setCookies takes what Storage.getCookies gave.
json cookie_again(json cookie) {
  if (number_at(cookie, "expires") < 0) cookie.erase("expires");
  cookie.erase("size");
  cookie.erase("session");
  return cookie;
}

}  // namespace

task<void> recovery::bring_back() {
  std::vector<std::shared_ptr<page>> awaited;
  for (auto& p : by_.all_pages())
    if (p->restoring) awaited.push_back(p);
  // The first takes the page that the browser starts with, which may be there before any answer.
  if (!awaited.empty()) next_ = awaited.front();
  co_await find_context();
  co_await put_cookies();
  auto first = true;
  for (auto& p : awaited) {
    co_await give_target(p, std::exchange(first, false));
    if (!p->target_id().empty()) continue;
    pages_lost_.push_back(with("page_id", p->id(), "url", p->url, "why", "it could not be made"));
    by_.drop(p);
  }
  std::erase_if(awaited, [](auto& p) { return p->gone; });
  on_their_way_ = awaited.size();
  for (auto& p : awaited) by_.run(return_of(p));
  by_.run(watch_cookies());
  rules_.opened();
  if (awaited.empty()) all_back();
}

task<void> recovery::find_context() {
  auto told = co_await by_.talk().ask({}, "Target.getBrowserContexts");
  context_id_ = text_at(told.result, "defaultBrowserContextId");
}

task<void> recovery::give_target(std::shared_ptr<page> p, bool first) {
  next_ = p;
  auto end = by_.talk().now() + rules_.target_max_ms;
  while (first && p->target_id().empty() && by_.talk().now() < end)
    co_await p->changed.next(by_.talk(), end);
  if (p->target_id().empty()) {
    auto params = with("url", "about:blank");
    co_await by_.talk().ask({}, "Target.createTarget", params);
  }
  next_ = nullptr;
}

std::shared_ptr<page> recovery::page_for(const json& target_info) {
  if (!text_at(target_info, "openerId").empty()) return nullptr;
  return std::exchange(next_, nullptr);
}

/// What the profile kept is older than what we know.
task<void> recovery::put_cookies() {
  cookies_put_ = false;
  if (!cookies_) co_return;
  auto all = json::array();
  for (auto& each : *cookies_) all.push_back(cookie_again(each));
  auto params = with("cookies", all);
  co_await by_.talk().ask({}, "Storage.clearCookies");
  if (all.empty()) co_return;  // and so they were cleared
  auto told = co_await by_.talk().ask({}, "Storage.setCookies", params);
  cookies_put_ = !told.error;
  if (told) co_return;
  for (auto& each : all) {  // one of them is wrong
    auto one = json::array();
    one.push_back(each);
    by_.talk().post({}, "Storage.setCookies", with("cookies", std::move(one)));
  }
}

// -- one page ------------------------------------------------------------------------------------

namespace {

/// Empty, or why it could not be done.
task<std::string> attempt(task<void> work) {
  try {
    co_await work;
  } catch (const refused& x) {
    co_return x.why.detail;
  }
  co_return "";
}

}  // namespace

task<void> recovery::return_of(std::shared_ptr<page> p) {
  way w;
  w.p = p;
  w.from = record_of(*p);
  w.end_ms = by_.talk().now() + rules_.page_max_ms;
  plan(w);
  session s(by_.talk(), p->session_id());
  while (!p->known && !p->gone && by_.talk().now() < w.end_ms)
    co_await p->changed.next(by_.talk(), w.end_ms);
  if (p->emulated) {
    turn t{.by = by_, .on = p, .params = *p->emulated, .deadline_ms = w.end_ms};
    auto why = co_await attempt(emulate_again(t));
    if (!why.empty()) w.lost.push_back("emulation");
  }
  auto no_history = co_await attempt(make_history(w));
  apply_rules(s, *p);
  s.post("Network.setBypassServiceWorker", with("bypass", false));
  if (!no_history.empty()) w.lost.push_back("history");
  auto error = co_await attempt(load(w, no_history.empty()));
  if (error.empty()) co_await scroll(w);
  back(w, std::move(error));
}

task<void> recovery::emulate_again(turn& t) {
  co_await emulate(t);
}

/// The entries that are made again, with the present one among them.
void recovery::plan(way& w) const {
  auto& all = w.from->history;
  auto count = static_cast<std::int64_t>(all.size());
  auto first = std::max<std::int64_t>(0, w.from->current - rules_.history_before);
  auto end = std::min(count, w.from->current + rules_.history_after + 1);
  auto cut = first > 0 || end < count;
  for (auto i = first; i < end; ++i) {
    auto url = text_at(all[static_cast<std::size_t>(i)], "url");
    auto comes_back = !origin_of(url).empty() || url.starts_with("data:") || url == "about:blank";
    if (i == w.from->current) {
      if (!comes_back) w.lost.push_back("url");
      w.current = w.entries.size();
      w.entries.push_back(
          {comes_back ? url : "about:blank", text_at(all[static_cast<std::size_t>(i)], "title")});
    } else if (comes_back) {
      w.entries.push_back({url, text_at(all[static_cast<std::size_t>(i)], "title")});
    } else {
      cut = true;
    }
  }
  if (w.entries.empty()) w.entries.push_back({w.p->url, w.p->title});
  if (cut) w.lost.push_back("history");
}

/// Those that stored something and are not in the tab's history any more: in the tab itself, or,
/// where no page shows them, in the browser, which the first page is to fill.
std::vector<std::string> recovery::other_origins(way& w) {
  std::set<std::string> out, shown;
  for (auto& p : by_.all_pages()) shown.insert(origin_of(p->url));
  for (auto& [origin, area] : w.from->session.all())
    if (!area.empty()) out.insert(origin);
  for (auto& [origin, area] : local_.all()) {
    auto on_disk = rules_.keeps_profile && ended_ms_ - area.changed_ms > rules_.on_disk_ms;
    if (!area.empty() && !on_disk && !shown.contains(origin) && claim(w, origin))
      out.insert(origin);
  }
  for (auto& each : w.entries) out.erase(origin_of(each.url));
  return {out.begin(), out.end()};
}

/// Whether the page is the one that fills an origin's local storage.
bool recovery::claim(way& w, const std::string& origin) {
  if (claimed_.insert(origin).second) w.claims.insert(origin);
  return w.claims.contains(origin);
}

task<void> recovery::make_history(way& w) {
  session s(by_.talk(), w.p->session_id());
  s.post("Network.setBypassServiceWorker", with("bypass", true));
  auto pattern = with("urlPattern", "*", "resourceType", "Document", "requestStage", "Request");
  s.post("Fetch.enable", with("patterns", json::array({pattern})));
  for (auto& origin : other_origins(w)) {
    co_await stub(w, origin + std::string(stub_path));
    co_await fill(w, origin, "");
  }
  for (std::size_t i = 0; i < w.entries.size(); ++i) {
    auto& each = w.entries[i];
    co_await stub(w, each.url);
    if (auto origin = origin_of(each.url); !origin.empty()) co_await fill(w, origin, each.title);
    if (i == 0) co_await insist(s, "Page.resetNavigationHistory");
  }
}

/// An empty document at an address.
task<void> recovery::stub(way& w, std::string url) {
  auto& p = *w.p;
  auto left = w.end_ms - by_.talk().now();
  if (p.gone || p.crashed || left <= 0)
    refuse(protocol::error_code::timed_out, "the page could not be made in time");
  session s(by_.talk(), p.session_id());
  stubs_[p.id()] = without_fragment(url);
  auto params = with("url", url);
  auto told = co_await s.call("Page.navigate", params, left);
  stubs_.erase(p.id());
  auto loader = text_at(told.result, "loaderId");
  if (!told || loader.empty()) co_return;  // a jump within the document is over at once
  auto end = std::min(w.end_ms, by_.talk().now() + 1'000);
  while (p.main_frame().loader_id != loader && !p.gone && by_.talk().now() < end)
    co_await p.changed.next(by_.talk(), end);
}

/// What the browser asks for on the way: our own documents are not the network's concern.
void recovery::paused(const page& p, const session& s, const json& params) {
  auto id = text_at(params, "requestId");
  auto expected = stubs_.find(p.id());
  if (expected == stubs_.end() ||
      without_fragment(text_at(params, "request", "url")) != expected->second)
    return s.post("Fetch.continueRequest", with("requestId", id));
  auto headers = json::array();
  headers.push_back(with("name", "Content-Type", "value", "text/html; charset=utf-8"));
  headers.push_back(with("name", "Cache-Control", "value", "no-store"));
  s.post("Fetch.fulfillRequest", with("requestId", id, "responseCode", 200, "responseHeaders",
                                      std::move(headers), "body", stub_body));
}

/// The storages of an origin, once, in a document of it that is empty.
task<void> recovery::fill(way& w, std::string origin, std::string title) {
  auto first = w.filled.insert(origin).second;
  auto fills_local = first && claim(w, origin);
  // Nothing of the site may run before.
  while (first && !fills_local && !filled_.contains(origin) && by_.talk().now() < w.end_ms)
    co_await by_.talk().after(5);
  auto take = [&](const storage_area* area, const char* what) {
    if (!area) return json();
    if (!area->overflowed()) return area->entries();
    w.lost.push_back(what);
    return json();
  };
  auto data = with("title", title, "session",
                   first ? take(w.from->session.find(origin), "session_storage") : json(), "local",
                   fills_local ? take(local_.find(origin), "local_storage") : json());
  auto script =
      "((d) => { if (d.title) document.title = d.title; try {"
      "for (const [s, all] of [[() => sessionStorage, d.session], [() => localStorage, "
      "d.local]]) if (all) { s().clear(); for (const [k, v] of all) s().setItem(k, v); }"
      "return true } catch { return false } })(" +
      literal(data) + ")";
  auto params = with("expression", script, "returnByValue", true);
  session s(by_.talk(), w.p->session_id());
  auto left = std::max(100.0, w.end_ms - by_.talk().now());
  auto told = co_await s.call("Runtime.evaluate", params, left);
  if (fills_local) filled_.insert(origin);
  if (flag_at(told.result, "result", "value") || !first) co_return;
  w.lost.push_back("session_storage");
  if (fills_local) w.lost.push_back("local_storage");
}

/// The present entry, for real.
task<void> recovery::load(way& w, bool has_history) {
  auto& p = *w.p;
  session s(by_.talk(), p.session_id());
  auto begin = p.main_frame().loader_id;
  auto behind = static_cast<std::int64_t>(w.entries.size() - w.current) - 1;
  if (!has_history) {
    s.post("Page.navigate", with("url", p.url));
  } else if (behind == 0) {
    s.post("Page.reload");
  } else {
    auto history = co_await insist(s, "Page.getNavigationHistory");
    auto& entries = list_at(history.result, "entries");
    auto there = integer_at(history.result, "currentIndex") - behind;
    if (there < 0 || there >= static_cast<std::int64_t>(entries.size()))
      refuse(protocol::error_code::internal, "its history could not be made");
    s.post("Page.navigateToHistoryEntry",
           with("entryId", integer_at(entries[static_cast<std::size_t>(there)], "id")));
  }
  auto end = by_.talk().now() + rules_.load_max_ms;
  auto there = [&] {
    auto& now = p.main_frame().loader_id;
    return p.gone || p.crashed || p.dialog || (now != begin && p.loaded_loader == now);
  };
  while (!there() && by_.talk().now() < end) co_await p.changed.next(by_.talk(), end);
  if (!there()) refuse(protocol::error_code::timed_out, "the page was not loaded in time");
  if (auto why = p.failed(); !why.empty())
    refuse(protocol::error_code::navigation_failed, std::move(why));
}

task<void> recovery::scroll(way& w) {
  auto& m = *w.from;
  auto& p = *w.p;
  if (m.x == 0 && m.y == 0) co_return;
  session s(by_.talk(), p.session_id());
  auto params = with("expression",
                     "scrollTo({left:" + literal(m.x) + ",top:" + literal(m.y) +
                         ",behavior:'instant'}), Math.abs(scrollX-" + literal(m.x) +
                         ")+Math.abs(scrollY-" + literal(m.y) + ")<2",
                     "returnByValue", true);
  // What is below may be there a little later.
  for (int i = 0; i < 10 && !p.gone && !p.crashed && !p.dialog; ++i) {
    auto told = co_await s.call("Runtime.evaluate", params, 1'000);
    if (flag_at(told.result, "result", "value")) co_return;
    co_await by_.talk().after(100);
  }
  w.lost.push_back("scroll");
}

// -- what is told --------------------------------------------------------------------------------

void recovery::back(way& w, std::string error) {
  auto& p = *w.p;
  auto& m = *w.from;
  auto restored = json::array();
  auto has = [&](const char* what, bool there) {
    if (there && std::ranges::find(w.lost, what) == w.lost.end()) restored.push_back(what);
  };
  if (!p.gone) {
    auto origin = origin_of(p.url);
    has("url", true);
    has("history", w.entries.size() > 1);
    has("scroll", error.empty() && (m.x != 0 || m.y != 0));
    auto* local = local_.find(origin);
    has("session_storage", !m.session.empty() && w.filled.contains(origin));
    has("local_storage", local && !local->empty() && filled_.contains(origin));
    has("cookies", cookies_put_);
    if (p.emulated) has("emulation", true);
    if (!origin.empty()) w.lost.push_back("javascript_state");
    if (m.typed) w.lost.push_back("form_input");
    if (m.posted) w.lost.push_back("form_post");
    if (m.framed) w.lost.push_back("frame_storage");
    auto told = with("page_id", p.id(), "url", p.url, "title", p.title, "restored", restored,
                     "lost", w.lost, "error", error.empty() ? json() : json(error));
    told_pages_.push_back(told);
    told["generation"] = generation_;
    p.restored = std::move(told);
    p.restoring = false;
    if (error.empty()) p.url = p.main_frame().url;  // else what is shown is no page of the site
    by_.run(read(w.p, w.from));
    by_.run(read_storages(w.p, w.from));
    p.changed.notify();
    by_.io().pages_changed();
  }
  if (--on_their_way_ == 0) all_back();
}

void recovery::all_back() {
  rules_.settled();
  if (told_pages_.empty() && pages_lost_.empty()) return;
  by_.io().tell("browser_restored",
                with("generation", generation_, "duration_ms", by_.talk().now() - begun_ms_,
                     "cookies", cookies_put_ ? cookies_->size() : 0, "pages", told_pages_,
                     "pages_lost", std::exchange(pages_lost_, json::array())));
}

}  // namespace actors::browsing
