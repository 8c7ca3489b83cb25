#include "actors/browser/recovery.hpp"

#include <utility>

namespace actors::browsing {

using protocol::cause_kind;

recovery::recovery(recovery_rules rules, driver& by) : rules_(std::move(rules)), by_(by) {
  by_.follow(*this);
}

void recovery::begun(std::uint64_t generation) {
  generation_ = generation;
  begun_ms_ = by_.talk().now();
  context_id_.clear();
  next_ = nullptr;
  filled_.clear();
  claimed_.clear();
  stubs_.clear();
  on_their_way_ = 0;
  told_pages_ = json::array();
  for (auto& [id, r] : records_) r->reading = r->read_again = false;
  by_.run(bring_back());
}

/// Whoever stops a browser wants to be rid of it; in all other cases its pages come back.
void recovery::ended(const protocol::cause& why) {
  ended_ms_ = by_.talk().now();
  pages_lost_ = json::array();
  auto forgets = why.kind == cause_kind::cancelled;
  for (auto& p : by_.all_pages()) {
    if (!p->restoring) record_of(*p)->posted = p->posted();
    p->restoring = !forgets && (p->restoring || may_return(*p));
    if (p->restoring) continue;
    pages_lost_.push_back(
        with("page_id", p->id(), "url", p->url, "why",
             forgets ? "the browser was stopped" : "it was of a client's own browser context"));
    records_.erase(p->id());
  }
  if (!forgets) return;
  cookies_.reset();
  local_ = {};
}

bool recovery::may_return(const page& p) const {
  return p.context_id.empty() || p.context_id == context_id_;
}

// -- what is kept --------------------------------------------------------------------------------

std::shared_ptr<recovery::record> recovery::record_of(const page& p) {
  auto& r = records_[p.id()];
  if (!r) r = std::make_shared<record>();
  return r;
}

void recovery::page_appeared(const std::shared_ptr<page>& p) {
  session(by_.talk(), p->session_id()).post("DOMStorage.enable");
  record_of(*p);
}

void recovery::page_gone(const std::shared_ptr<page>& p) {
  records_.erase(p->id());
}

void recovery::page_said(const std::shared_ptr<page>& p, const session& s, std::string_view method,
                         const json& params) {
  if (method == "Fetch.requestPaused") return paused(*p, s, params);
  // What it is like on its way back is not what it was like.
  if (p->restoring || !may_return(*p) || s.id() != p->session_id()) return;
  auto r = record_of(*p);
  if (method == "Page.frameNavigated") {
    navigated(p, at(params, "frame"));
  } else if (method == "Page.navigatedWithinDocument") {
    if (text_at(params, "frameId") == p->target_id()) by_.run(read(p, r));
  } else if (method.starts_with("DOMStorage.")) {
    storage_event(*r, local_, method.substr(method.find('.') + 1), params, by_.talk().now());
  } else if (method == "Runtime.bindingCalled" && text_at(params, "name") == binding_name) {
    auto told = json::parse(text_at(params, "payload"), nullptr, false);
    r->x = number_at(told, "x");
    r->y = number_at(told, "y");
    r->typed = flag_at(told, "typed");
  }
}

void recovery::navigated(const std::shared_ptr<page>& p, const json& frame) {
  if (text_at(frame, "id") != p->target_id()) return;
  auto r = record_of(*p);
  r->x = r->y = 0;
  r->typed = false;
  by_.run(read(p, r));
  by_.run(read_storages(p, r));
}

/// One at a time: a page may go from one address to another as fast as it likes.
task<void> recovery::read(std::shared_ptr<page> p, std::shared_ptr<record> r) {
  r->read_again = true;
  if (r->reading) co_return;
  r->reading = true;
  while (r->read_again) {
    r->read_again = false;
    auto told = co_await insist({by_.talk(), p->session_id()}, "Page.getNavigationHistory");
    if (!told || p->restoring) continue;
    r->history = list_at(told.result, "entries");
    r->current = integer_at(told.result, "currentIndex");
  }
  r->reading = false;
}

task<void> recovery::read_storages(std::shared_ptr<page> p, std::shared_ptr<record> r) {
  auto origin = origin_of(p->url);
  if (origin.empty()) co_return;
  for (auto is_local : {false, true}) {
    auto params = with("storageId", with("securityOrigin", origin, "isLocalStorage", is_local));
    auto told =
        co_await insist({by_.talk(), p->session_id()}, "DOMStorage.getDOMStorageItems", params);
    if (told && !p->restoring)
      (is_local ? local_ : r->session).at(origin).assign(list_at(told.result, "entries"));
  }
}

task<void> recovery::watch_cookies() {
  for (;;) {
    auto params = json::object();
    auto told = co_await by_.talk().ask({}, "Storage.getCookies", params);
    if (told) cookies_ = list_at(told.result, "cookies");
    co_await by_.talk().after(rules_.cookies_every_ms);
  }
}

}  // namespace actors::browsing
