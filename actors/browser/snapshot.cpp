#include "actors/browser/snapshot.hpp"

#include <algorithm>
#include <utility>

#include "actors/browser/ax_text.hpp"
#include "actors/browser/verbs.hpp"

namespace actors::browsing {
namespace {

constexpr std::size_t default_bytes_max = 200'000;

task<std::int64_t> owner_node(turn& t, const frame& f) {
  auto* parent = t.on->find_frame(f.parent_id);
  if (!parent) co_return 0;
  session s(t.talk(), parent->session_id);
  auto params = with("frameId", f.id);
  auto told = co_await s.call("DOM.getFrameOwner", params);
  co_return integer_at(told.result, "backendNodeId");
}

}  // namespace

task<std::string> take_snapshot(turn& t, std::size_t bytes_max) {
  auto frames = t.on->frames();
  std::vector<ax_frame> trees;
  for (auto& f : frames) {
    session s(t.talk(), f.session_id);
    auto params = with("frameId", f.id);
    auto told = co_await s.call("Accessibility.getFullAXTree", params,
                                std::max(100.0, t.deadline_ms - t.talk().now() - 100));
    if (!told && f.parent_id.empty()) refuse_reply(told, "snapshot");
    trees.push_back({f.id, f.loader_id, std::move(told.result["nodes"]), {}});
  }
  for (std::size_t i = 1; i < frames.size(); ++i) {
    auto node = co_await owner_node(t, frames[i]);
    auto parent = std::ranges::find(trees, frames[i].parent_id, &ax_frame::frame_id);
    if (node != 0 && parent != trees.end()) parent->below[node] = i;
  }
  t.on->refs.prune([&](const std::string& frame_id, const std::string& loader_id) {
    auto* f = t.on->find_frame(frame_id);
    return f && f->loader_id == loader_id;
  });
  co_return ax_text(trees, t.on->refs, bytes_max > 0 ? bytes_max : default_bytes_max);
}

task<json> snapshot(turn& t) {
  auto text = co_await take_snapshot(t, static_cast<std::size_t>(number_at(t.params, "bytes_max")));
  co_return with("snapshot", text);
}

task<json> state(turn& t) {
  auto text = co_await take_snapshot(t, static_cast<std::size_t>(number_at(t.params, "bytes_max")));
  auto tabs = json::array();
  for (auto& each : t.by.pages()) {
    auto tab = to_json(each);
    tab["index"] = tabs.size();
    tabs.push_back(std::move(tab));
  }
  co_return with("snapshot", text, "tabs", std::move(tabs));
}

}  // namespace actors::browsing
