// What the browser says, on its way to pages and followers.
#include <algorithm>
#include <utility>

#include "actors/browser/driver.hpp"
#include "actors/browser/setup.hpp"

namespace actors::browsing {

using protocol::error_code;

void driver::event(const std::string& session_id, const std::string& method, const json& params) {
  if (method == "Target.attachedToTarget") return attached(session_id, params);
  if (method == "Target.detachedFromTarget") return detached(params);
  if (method == "Target.targetInfoChanged") {
    auto p = find_target(text_at(params, "targetInfo", "targetId"));
    if (!p) return;
    p->described(at(params, "targetInfo"));
    return io_.pages_changed();
  }
  if (method == "Target.targetDestroyed") {
    if (auto p = find_target(text_at(params, "targetId"))) page_closed(p);
    return;
  }
  if (method.starts_with("Browser.download")) return download_event(method, params);
  page_event(session_id, method, params);
}

void driver::page_event(const std::string& session_id, const std::string& method,
                        const json& params) {
  auto p = of_session(session_id);
  if (!p) return;
  auto state = p->state();
  auto url = p->url;
  p->event(session_id, method, params);
  if (method == "Page.javascriptDialogOpening") dialog_opened(p);
  if (method == "Inspector.targetCrashed" && p->crashed) crashed(p);
  for (auto* each : followers_) each->page_said(p, {talk_, session_id}, method, params);
  if (p->state() != state || p->url != url) io_.pages_changed();
}

// -- targets -------------------------------------------------------------------------------------

void driver::attached(const std::string& parent, const json& params) {
  auto id = text_at(params, "sessionId");
  auto type = text_at(params, "targetInfo", "type");
  auto target = text_at(params, "targetInfo", "targetId");
  session s(talk_, id);
  if (type == "page" && parent.empty()) {
    page_attached(id, params);
  } else if (auto p = of_session(parent); p && type == "iframe") {
    by_session_[id] = p;
    p->child_attached(id, parent, target);
    set_up_frame(s);
    if (!p->blocked.empty() || p->credentials) apply_rules(s, *p);
    run(read_frames(p, id));
  }
  if (flag_at(params, "waitingForDebugger")) s.post("Runtime.runIfWaitingForDebugger");
}

void driver::page_attached(const std::string& session_id, const json& params) {
  auto& info = at(params, "targetInfo");
  if (find_target(text_at(info, "targetId"))) return;
  auto p = page_for(session_id, info);
  p->set_now(talk_.now());
  p->described(info);
  by_session_[session_id] = p;
  run(introduce(p));
  if (auto id = text_at(info, "openerId"); !id.empty()) {
    auto opener = find_target(id);
    p->opener = opener ? opener->id() : page_id(id);
    if (opener) {
      for (auto* each : opener->trails) each->new_pages.push_back(p->id());
      opener->changed.notify();
    }
    io_.tell("browser_popup", with("page_id", p->id(), "opener", p->opener, "url", p->url));
  }
  tell_followers(&follower::page_appeared, p);
}

std::shared_ptr<page> driver::page_for(const std::string& session_id, const json& info) {
  auto target = text_at(info, "targetId");
  for (auto* each : followers_) {
    if (auto p = each->page_for(info)) {
      p->goes_on_in(target, session_id);
      return p;
    }
  }
  auto p = pages_.emplace_back(std::make_shared<page>(target, session_id));
  activate(*p);
  return p;
}

/// Chromium's renderer dies when a page navigates while its focus is about to be emulated, so that
/// nobody acts on the page before that is answered.
task<void> driver::introduce(std::shared_ptr<page> p) {
  session s(talk_, p->session_id());
  set_up_frame(s);
  s.post("Log.enable");
  s.post("Page.setInterceptFileChooserDialog", with("enabled", true));
  auto params = with("enabled", true);
  auto focused = s.call("Emulation.setFocusEmulationEnabled", params);
  co_await focused;
  co_await read_frames(p, s.id());
  p->known = true;
  p->changed.notify();
}

task<void> driver::read_frames(std::shared_ptr<page> p, std::string session_id) {
  auto told = co_await talk_.ask(session_id, "Page.getFrameTree");
  if (told) p->frames_are(session_id, at(told.result, "frameTree"));
}

void driver::detached(const json& params) {
  auto id = text_at(params, "sessionId");
  auto p = of_session(id);
  if (!p) return;
  by_session_.erase(id);
  if (id == p->session_id())
    page_closed(p);
  else
    p->session_gone(id);
}

void driver::page_closed(const std::shared_ptr<page>& p) {
  if (p->gone) return;
  p->gone = true;
  std::erase(pages_, p);
  std::erase_if(by_session_, [&](auto& each) { return each.second == p; });
  p->changed.notify();
  tell_followers(&follower::page_gone, p);
  close_actions(p);
  io_.pages_changed();
}

std::shared_ptr<page> driver::find_target(const std::string& target_id) const {
  if (target_id.empty()) return nullptr;  // as one has that waits for a target
  auto found = std::ranges::find_if(pages_, [&](auto& p) { return p->target_id() == target_id; });
  return found == pages_.end() ? nullptr : *found;
}

std::shared_ptr<page> driver::of_session(const std::string& session_id) const {
  auto found = by_session_.find(session_id);
  return found == by_session_.end() ? nullptr : found->second;
}

std::shared_ptr<page> driver::find_page(const std::string& id) const {
  std::shared_ptr<page> best;
  for (std::size_t i = 0; i < pages_.size(); ++i)
    if (id == std::to_string(i)) return pages_[i];
  for (auto& p : pages_) {
    if (p->id() == id) return p;
    if (id == "active" && (!best || p->activity > best->activity)) best = p;
  }
  return best;
}

void driver::activate(page& p) {
  p.activity = ++activity_;
  io_.pages_changed();
}

page_view driver::view(const page& p) const {
  auto active = std::ranges::none_of(pages_, [&](auto& x) { return x->activity > p.activity; });
  return {p.id(), p.target_id(), p.url, p.title, std::string(p.state()), p.opener, active};
}

std::vector<page_view> driver::pages() const {
  std::vector<page_view> out;
  for (auto& p : pages_) out.push_back(view(*p));
  return out;
}

// -- downloads -----------------------------------------------------------------------------------

void driver::download_event(const std::string& method, const json& params) {
  auto id = text_at(params, "guid");
  auto& d = downloads_[id];
  d.id = id;
  if (method == "Browser.downloadWillBegin") {
    d.url = text_at(params, "url");
    d.name = text_at(params, "suggestedFilename");
    d.state = "inProgress";
    auto frame_id = text_at(params, "frameId");
    for (auto& p : pages_) {
      if (!p->find_frame(frame_id)) continue;
      for (auto* each : p->trails) each->download_ids.push_back(id);
      d.page_id = p->id();
    }
  } else {
    d.state = text_at(params, "state");
    d.bytes = integer_at(params, "receivedBytes");
    // From its zone on, as the files of a workspace are named.
    auto path = text_at(params, "filePath");
    const auto& zone = rules_.download_path;
    if (path.starts_with(zone)) d.path = path.substr(zone.rfind('/') + 1);
  }
  for (auto& p : pages_)
    if (p->id() == d.page_id) p->changed.notify();
  if (method == "Browser.downloadWillBegin" || d.state != "inProgress")
    io_.tell("browser_download", to_json(d));
}

json to_json(const download& d) {
  return with("id", d.id, "page_id", d.page_id, "url", d.url, "suggested_name", d.name, "state",
              d.state == "inProgress" ? "in_progress" : d.state, "bytes", d.bytes, "path",
              d.path.empty() ? json() : json(d.path));
}

}  // namespace actors::browsing
