#include "actors/browser/setup.hpp"

#include "actors/browser/scripts.hpp"

namespace actors::browsing {
namespace {

json attach_params() {
  auto filter = json::array();
  filter.push_back(with("type", "browser", "exclude", true));
  filter.push_back(with("type", "tab", "exclude", true));
  filter.push_back(json::object());
  return with("autoAttach", true, "waitForDebuggerOnStart", true, "flatten", true, "filter",
              std::move(filter));
}

}  // namespace

void set_up_browser(dialogue& talk, const std::string& download_path) {
  talk.post({}, "Target.setDiscoverTargets", with("discover", true));
  talk.post({}, "Browser.setDownloadBehavior",
            with("behavior", "allowAndName", "downloadPath", download_path, "eventsEnabled", true));
  talk.post({}, "Target.setAutoAttach", attach_params());
}

void set_up_frame(const session& s) {
  // First of all: a dialog on a page where nobody has it blocks the page for good.
  s.post("Page.enable");
  s.post("Page.setLifecycleEventsEnabled", with("enabled", true));
  s.post("Network.enable");
  s.post("Runtime.enable");
  s.post("Target.setAutoAttach", attach_params());
  s.post("Runtime.addBinding", with("name", binding_name, "executionContextName", world_name));
  s.post("Page.addScriptToEvaluateOnNewDocument",
         with("source", page_script, "worldName", world_name, "runImmediately", true));
}

void apply_rules(const session& s, const page& p) {
  s.post("Network.setBlockedURLs", with("urls", p.blocked));
  // Then every request is held until it is let go on.
  if (!p.credentials) return s.post("Fetch.disable");
  s.post("Fetch.enable", with("handleAuthRequests", true));
}

}  // namespace actors::browsing
