#include "actors/browser/page.hpp"

#include <algorithm>
#include <utility>

#include "protocol/text.hpp"

namespace actors::browsing {
namespace {

std::string cut(std::string text) {
  if (text.size() > page::text_bytes_max)
    text.resize(protocol::utf8_cut(text, page::text_bytes_max));
  return text;
}

/// One value that a script gave to the console.
std::string shown(const json& remote) {
  auto& value = at(remote, "value");
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_null()) return value.dump(-1, ' ', false, json::error_handler_t::replace);
  auto text = text_at(remote, "unserializableValue");
  if (text.empty()) text = text_at(remote, "description");
  return text.empty() ? text_at(remote, "type") : text;
}

std::string level_of(std::string_view type) {
  if (type == "error" || type == "assert") return "error";
  if (type == "warning") return "warning";
  if (type == "debug" || type == "verbose") return "debug";
  return "info";
}

/// Connections that stay open are nothing to wait for.
bool is_counted(std::string_view type, std::string_view url) {
  return type != "WebSocket" && type != "EventSource" && type != "Ping" &&
         !url.starts_with("data:") && !url.starts_with("blob:");
}

}  // namespace

std::string page_id(std::string_view target_id) {
  std::string out = "pag_";
  for (char c : target_id) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

page::page(std::string target_id, std::string session_id) : id_(page_id(target_id)) {
  goes_on_in(std::move(target_id), std::move(session_id));
}

void page::goes_on_in(std::string target_id, std::string session_id) {
  target_id_ = std::move(target_id);
  session_id_ = std::move(session_id);
  frames_.clear();
  auto& main = frames_[target_id_];
  main.id = target_id_;
  main.session_id = session_id_;
}

void page::target_lost() {
  goes_on_in({}, {});
  parents_.clear();
  in_flight_.clear();
  known = loading = crashed = unresponsive = false;
  dialog.reset();
}

std::string_view page::state() const {
  if (restoring) return "loading";
  if (crashed) return "crashed";
  if (dialog) return "dialog";
  if (unresponsive) return "unresponsive";
  return loading ? "loading" : "ready";
}

void page::described(const json& info) {
  if (!restoring) {
    url = text_at(info, "url");
    title = text_at(info, "title");
  }
  context_id = text_at(info, "browserContextId");
  changed.notify();
}

void page::event(const std::string& session_id, std::string_view method, const json& params) {
  auto dot = method.find('.');
  if (dot == method.npos) return;
  auto domain = method.substr(0, dot);
  auto name = method.substr(dot + 1);
  if (domain == "Page") {
    page_event(session_id, name, params);
  } else if (domain == "Network") {
    network_event(session_id, name, params);
  } else if (domain == "Runtime" || domain == "Log") {
    runtime_event(session_id, name, params);
  } else if (method == "Inspector.targetCrashed" && session_id == session_id_) {
    crashed = true;
    loading = false;
    in_flight_.clear();
  } else if (method == "Inspector.targetReloadedAfterCrash" && session_id == session_id_) {
    crashed = false;
  } else {
    return;
  }
  changed.notify();
}

// -- frames --------------------------------------------------------------------------------------

frame* page::find_frame(const std::string& frame_id) {
  auto found = frames_.find(frame_id);
  return found == frames_.end() ? nullptr : &found->second;
}

std::vector<frame> page::frames() const {
  std::vector<frame> out{frames_.at(target_id_)};
  for (auto& [id, each] : frames_)
    if (id != target_id_) out.push_back(each);
  return out;
}

std::vector<std::string> page::sessions() const {
  std::vector<std::string> out{session_id_};
  for (auto& [id, parent] : parents_) out.push_back(id);
  return out;
}

std::string page::parent_session(const std::string& session_id) const {
  auto found = parents_.find(session_id);
  return found == parents_.end() ? std::string() : found->second;
}

void page::frames_are(const std::string& session_id, const json& tree) {
  navigated(session_id, at(tree, "frame"));
  for (auto& child : list_at(tree, "childFrames")) frames_are(session_id, child);
}

void page::child_attached(const std::string& session_id, const std::string& parent_session,
                          const std::string& frame_id) {
  parents_[session_id] = parent_session;
  auto& f = frames_[frame_id];
  f.id = frame_id;
  f.session_id = session_id;
  f.world = 0;
  if (f.parent_id.empty()) f.parent_id = target_id_;
}

void page::session_gone(const std::string& session_id) {
  if (parents_.erase(session_id) == 0) return;
  std::erase_if(frames_, [&](auto& each) { return each.second.session_id == session_id; });
  changed.notify();
}

void page::drop_frame(const std::string& frame_id) {
  if (frame_id == target_id_) return;
  std::vector<std::string> below;
  for (auto& [id, each] : frames_)
    if (each.parent_id == frame_id) below.push_back(id);
  frames_.erase(frame_id);
  for (auto& id : below) drop_frame(id);
}

/// A document is there in a frame: `told` is Page.Frame.
void page::navigated(const std::string& session_id, const json& told) {
  auto id = text_at(told, "id");
  if (id.empty()) return;
  auto& f = frames_[id];
  auto loader = text_at(told, "loaderId");
  auto fresh = f.loader_id != loader;
  f.id = id;
  if (auto parent = text_at(told, "parentId"); !parent.empty()) f.parent_id = parent;
  if (f.session_id != session_id) f.world = 0;
  f.session_id = session_id;
  f.loader_id = loader;
  f.url = text_at(told, "url") + text_at(told, "urlFragment");
  if (id != target_id_) return;
  if (!restoring) url = f.url;
  if (!fresh) return;
  choosers.clear();
  std::erase_if(in_flight_, [&](auto& each) { return each.second != loader; });
  landed();
}

void page::frame_event(const std::string& session_id, std::string_view name, const json& params) {
  auto id = text_at(params, "frameId");
  if (name == "frameAttached") {
    auto& f = frames_[id];
    f.id = id;
    f.parent_id = text_at(params, "parentFrameId");
    if (f.session_id.empty()) f.session_id = session_id;
  } else if (name == "frameDetached") {
    // Of a swap, the frame goes on in another process.
    if (text_at(params, "reason") != "swap") drop_frame(id);
  } else if (name == "frameNavigated") {
    navigated(session_id, at(params, "frame"));
    // It comes back as it was left, without a load of its own.
    if (text_at(params, "type") == "BackForwardCacheRestore" &&
        text_at(params, "frame", "id") == target_id_)
      loaded_loader = parsed_loader = main_frame().loader_id;
  } else if (name == "navigatedWithinDocument") {
    if (auto* f = find_frame(id)) f->url = text_at(params, "url");
    if (id == target_id_ && !restoring) url = text_at(params, "url");
  } else if (id == target_id_) {
    if (name == "frameStartedLoading" || name == "frameStartedNavigating") loading = true;
    if (name == "frameStoppedLoading") loading = false;
    if (name == "frameStoppedLoading" || name == "frameScheduledNavigation") return;
    // A link within the document starts nothing that must be waited for.
    if (name == "frameStartedNavigating" &&
        text_at(params, "navigationType").find("sameDocument") != std::string::npos) {
      loading = false;
      return;
    }
    for (auto* each : trails) each->navigating = true;
  }
}

void page::lifecycle(const json& params) {
  if (text_at(params, "frameId") != target_id_) return;
  auto name = text_at(params, "name");
  if (name == "load") loaded_loader = text_at(params, "loaderId");
  if (name == "DOMContentLoaded") parsed_loader = text_at(params, "loaderId");
}

void page::dialog_opened(const json& params) {
  dialog = {text_at(params, "type"), cut(text_at(params, "message")),
            text_at(params, "defaultPrompt"), text_at(params, "url")};
  for (auto* each : trails) each->dialogs.push_back(*dialog);
}

void page::chooser_opened(const json& params) {
  auto* f = find_frame(text_at(params, "frameId"));
  if (!f) return;
  auto ref = refs.name({f->id, f->loader_id, integer_at(params, "backendNodeId")});
  choosers.push_back({std::move(ref), text_at(params, "mode") == "selectMultiple"});
  if (choosers.size() > choosers_max) choosers.erase(choosers.begin());
  for (auto* each : trails) each->choosers.push_back(choosers.back());
}

void page::page_event(const std::string& session_id, std::string_view name, const json& params) {
  if (name == "lifecycleEvent") {
    lifecycle(params);
  } else if (name == "javascriptDialogOpening") {
    dialog_opened(params);
  } else if (name == "javascriptDialogClosed") {
    dialog.reset();
  } else if (name == "fileChooserOpened") {
    chooser_opened(params);
  } else if (name.starts_with("frame") || name == "navigatedWithinDocument") {
    frame_event(session_id, name, params);
  }
}

// -- requests ------------------------------------------------------------------------------------

void page::landed() {
  if (in_flight_.empty()) quiet_since_ms = now_ms_;
}

const request_entry* page::entry(const std::string& request_id) const {
  auto found = std::find_if(network.rbegin(), network.rend(),
                            [&](auto& each) { return each.id == request_id; });
  return found == network.rend() ? nullptr : &*found;
}

request_entry* page::entry(const std::string& request_id) {
  return const_cast<request_entry*>(std::as_const(*this).entry(request_id));
}

std::string page::requested(const std::string& request_id) const {
  auto* e = entry(request_id);
  return e ? e->url : std::string();
}

std::string page::failed() const {
  auto* e = entry(frames_.at(target_id_).loader_id);  // as the request of a document is named
  return e ? e->failed : std::string();
}

bool page::posted() const {
  auto* e = entry(frames_.at(target_id_).loader_id);
  return e && e->method == "POST";
}

void page::request_began(const std::string& session_id, const json& params) {
  auto id = text_at(params, "requestId");
  auto type = text_at(params, "type");
  auto address = text_at(params, "request", "url");
  if (auto* before = entry(id); before && params.contains("redirectResponse")) {
    before->status = integer_at(params, "redirectResponse", "status");
    before->over = true;
  }
  request_entry e;
  e.n = ++network_count;
  e.id = id;
  e.method = text_at(params, "request", "method");
  e.url = cut(address);
  e.type = type;
  e.request_headers = at(params, "request", "headers");
  e.started_ms = number_at(params, "wallTime") * 1e3;
  e.begin_s = number_at(params, "timestamp");
  network.push_back(std::move(e));
  if (network.size() > ring_max) network.pop_front();
  if (!is_counted(type, address)) return;
  auto loader = text_at(params, "loaderId");
  // Of another process, which the main frame's document knows nothing of.
  if (session_id != session_id_) loader = main_frame().loader_id;
  in_flight_[id] = std::move(loader);
  for (auto* each : trails) each->requested = true;
}

void page::request_over(const json& params, std::string failed) {
  auto id = text_at(params, "requestId");
  if (in_flight_.erase(id) > 0) landed();
  auto* e = entry(id);
  if (!e) return;
  e->over = true;
  e->failed = std::move(failed);
  e->bytes = integer_at(params, "encodedDataLength");
  e->duration_ms = (number_at(params, "timestamp") - e->begin_s) * 1e3;
}

void page::network_event(const std::string& session_id, std::string_view name, const json& params) {
  if (name == "requestWillBeSent") {
    request_began(session_id, params);
  } else if (name == "responseReceived") {
    auto* e = entry(text_at(params, "requestId"));
    if (!e) return;
    e->status = integer_at(params, "response", "status");
    e->status_text = text_at(params, "response", "statusText");
    e->protocol = text_at(params, "response", "protocol");
    e->response_headers = at(params, "response", "headers");
    e->mime = text_at(params, "response", "mimeType");
    e->type = text_at(params, "type");
  } else if (name == "loadingFinished") {
    request_over(params, {});
  } else if (name == "loadingFailed") {
    auto why = text_at(params, "errorText");
    auto reason = text_at(params, "blockedReason");
    request_over(params, why.empty() ? (reason.empty() ? "failed" : "blocked: " + reason) : why);
  }
}

// -- console -------------------------------------------------------------------------------------

void page::add_line(console_line line) {
  line.n = ++console_count;
  line.text = cut(std::move(line.text));
  if (line.level == "error") ++error_count;
  console.push_back(std::move(line));
  if (console.size() > ring_max) console.pop_front();
}

void page::runtime_event(const std::string& session_id, std::string_view name, const json& params) {
  if (name == "executionContextCreated") {
    auto& context = at(params, "context");
    if (text_at(context, "name") != world_name) return;
    if (auto* f = find_frame(text_at(context, "auxData", "frameId"));
        f && f->session_id == session_id)
      f->world = integer_at(context, "id");
  } else if (name == "executionContextDestroyed") {
    for (auto& [id, f] : frames_)
      if (f.session_id == session_id && f.world == integer_at(params, "executionContextId"))
        f.world = 0;
  } else if (name == "executionContextsCleared") {
    for (auto& [id, f] : frames_)
      if (f.session_id == session_id) f.world = 0;
  } else if (name == "consoleAPICalled") {
    std::string text;
    for (auto& each : list_at(params, "args")) text += (text.empty() ? "" : " ") + shown(each);
    auto& frames = list_at(params, "stackTrace", "callFrames");
    auto& where = frames.empty() ? nothing : frames[0];
    add_line({0, level_of(text_at(params, "type")), std::move(text), text_at(where, "url"),
              integer_at(where, "lineNumber") + 1, number_at(params, "timestamp")});
  } else if (name == "exceptionThrown") {
    auto& details = at(params, "exceptionDetails");
    auto text = text_at(details, "exception", "description");
    if (text.empty()) text = text_at(details, "text");
    add_line({0, "error", std::move(text), text_at(details, "url"),
              integer_at(details, "lineNumber") + 1, number_at(params, "timestamp")});
  } else if (name == "entryAdded") {
    auto& e = at(params, "entry");
    add_line({0, level_of(text_at(e, "level")), text_at(e, "text"), text_at(e, "url"),
              integer_at(e, "lineNumber") + 1, number_at(e, "timestamp")});
  }
}

// -- as shown ------------------------------------------------------------------------------------

json to_json(const page_view& v) {
  return with("id", v.id, "target_id", v.target_id, "url", v.url, "title", v.title, "state",
              v.state, "active", v.active, "opener", v.opener.empty() ? json() : json(v.opener));
}

json to_json(const file_chooser& c) {
  return with("ref", c.ref, "multiple", c.multiple);
}

json to_json(const dialog_state& d) {
  return with("type", d.type, "message", d.message, "default_text", d.default_text, "url", d.url);
}

}  // namespace actors::browsing
