#include "actors/browser/settle.hpp"

#include <algorithm>
#include <utility>

namespace actors::browsing {
namespace {

constexpr auto now_changes = "[troupe.changes, document.title]";
/// When what the page's own scripts have put off to its next turn has run.
constexpr auto next_changes =
    "new Promise((done) => setTimeout(() => done([troupe.changes, document.title])))";

/// What our script has counted; -1: it cannot tell. Also brings the title up to date.
task<std::int64_t> read_changes(turn& t, const char* expression = now_changes) {
  auto& main = t.on->main_frame();
  if (main.world == 0) co_return -1;
  auto params = with("expression", expression, "contextId", main.world, "returnByValue", true,
                     "awaitPromise", true);
  auto told = co_await t.top().call("Runtime.evaluate", params, 500);
  auto& pair = list_at(told.result, "result", "value");
  if (pair.size() != 2 || !pair[0].is_number() || !pair[1].is_string()) co_return -1;
  t.on->title = pair[1].get<std::string>();
  co_return pair[0].get<std::int64_t>();
}

bool downloads_run(turn& t) {
  auto& all = t.by.downloads();
  return std::ranges::any_of(t.seen.download_ids, [&](auto& id) {
    auto found = all.find(id);
    return found != all.end() && found->second.state == "inProgress";
  });
}

bool loads(const turn& t) {
  auto& p = *t.on;
  auto& now = p.main_frame().loader_id;
  return p.loading || (now != t.seen.loader_from && p.loaded_loader != now);
}

bool started(turn& t) {
  return t.seen.navigating || t.seen.requested || t.on->in_flight() > 0 || downloads_run(t);
}

task<void> rest(turn& t, double begin) {
  auto& p = *t.on;
  auto& rules = t.by.rules();
  auto end = std::min(begin + rules.settle_max_ms, t.deadline_ms - 100);
  while (!p.gone && t.talk().now() < end) {
    auto rest_at = std::max(p.quiet_since_ms, begin) + rules.settle_quiet_ms;
    auto busy = loads(t) || p.in_flight() > 0 || downloads_run(t);
    if (!busy && t.talk().now() >= rest_at) break;
    co_await p.changed.next(t.talk(), busy ? end : std::min(end, rest_at));
  }
}

}  // namespace

task<void> read_title(turn& t) {
  co_await read_changes(t);
}

task<void> begin_trail(turn& t) {
  if (!t.on) co_return;
  auto& p = *t.on;
  t.seen.console_errors_from = p.error_count;
  t.seen.loader_from = p.main_frame().loader_id;
  t.seen.url_from = p.url;
  if (!p.crashed && !p.dialog) t.seen.changes_from = co_await read_changes(t);
  t.seen.title_from = p.title;
}

void look_ahead(turn& t) {
  t.ahead.emplace(read_changes(t, next_changes));
  t.ahead->start();
}

task<void> settle(turn& t) {
  if (!t.on || t.on->gone || !t.waits) co_return;
  auto& p = *t.on;
  auto& rules = t.by.rules();
  auto begin = t.talk().now();
  if (!t.ahead) t.ahead.emplace(read_changes(t, next_changes));
  auto& next_turn = *t.ahead;
  auto changes = co_await next_turn;
  while (changes < 0 && !started(t)) {
    auto heard = co_await p.changed.next(t.talk(), begin + rules.settle_look_ms);
    if (!heard || p.gone) break;
  }
  while (t.downloads && t.seen.download_ids.empty()) {
    auto heard = co_await p.changed.next(t.talk(), begin + rules.settle_download_ms);
    if (!heard || p.gone) break;
  }
  if (started(t)) {
    co_await rest(t, begin);
    if (p.gone) co_return;
    auto then = co_await read_changes(t);
    changes = then;
  }
  if (p.gone) co_return;
  t.seen.changed = changes != t.seen.changes_from;
  // Of a download one hears last.
  if (downloads_run(t)) co_await rest(t, begin);
}

task<void> wait_for_start(turn& t) {
  auto& p = *t.on;
  auto end = t.talk().now() + 1'000;
  auto begun = [&] { return t.seen.navigating || p.url != t.seen.url_from || p.gone; };
  while (!begun() && t.talk().now() < end) co_await p.changed.next(t.talk(), end);
}

void fill_answer(turn& t, bool acts) {
  auto& body = t.answer.body;
  if (!t.on) return;
  auto& p = *t.on;
  put(body, "page_id", p.id(), "url", p.url, "title", p.title);
  // Once, in an answer that is read: pictures may come without.
  if (p.restored && t.answer.mime.empty()) body["restored"] = *std::exchange(p.restored, {});
  if (!acts) return;
  auto dialogs = json::array();
  for (auto& each : t.seen.dialogs) dialogs.push_back(to_json(each));
  auto downloads = json::array();
  for (auto& id : t.seen.download_ids) {
    auto found = t.by.downloads().find(id);
    if (found != t.by.downloads().end()) downloads.push_back(to_json(found->second));
  }
  auto choosers = json::array();
  for (auto& each : t.seen.choosers) choosers.push_back(to_json(each));
  auto errors = json::array();
  auto fresh = p.error_count - t.seen.console_errors_from;
  for (auto at = p.console.rbegin(); at != p.console.rend() && errors.size() < fresh; ++at)
    if (at->level == "error") errors.insert(errors.begin(), at->text);
  auto changed = t.seen.changed || !t.seen.dialogs.empty() || !t.seen.new_pages.empty() ||
                 p.main_frame().loader_id != t.seen.loader_from || p.url != t.seen.url_from ||
                 p.title != t.seen.title_from;
  put(body, "changed", changed, "dialogs", std::move(dialogs), "downloads", std::move(downloads),
      "file_choosers", std::move(choosers), "new_pages", t.seen.new_pages, "console_errors",
      std::move(errors));
}

}  // namespace actors::browsing
