#include "actors/browser/target.hpp"

#include <algorithm>

#include "actors/browser/scripts.hpp"
#include "actors/browser/snapshot.hpp"
#include "protocol/json.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

constexpr double retry_ms = 50;

/// What finds the element in one frame.
std::string expression_of(const json& target) {
  if (auto selector = text_at(target, "selector"); !selector.empty())
    return "troupe.select(" + protocol::json_string(selector) + ")";
  return "troupe.text(" + protocol::json_string(text_at(target, "text")) + ")";
}

std::string shown(const json& target) {
  return target.dump(-1, ' ', false, json::error_handler_t::replace);
}

task<void> refuse_stale(turn& t, std::string ref) {
  auto now = co_await take_snapshot(t);
  refuse(error_code::stale_ref, "the element " + ref + " is not there any more",
         with("ref", ref, "snapshot", now));
}

task<element> find_ref(turn& t, std::string ref) {
  auto* node = t.on->refs.find(ref);
  auto* f = node ? t.on->find_frame(node->frame_id) : nullptr;
  if (!f || f->loader_id != node->loader_id) co_await refuse_stale(t, ref);
  element out{f->session_id, f->id, {}};
  auto params = with("backendNodeId", node->node);
  auto world = co_await world_of(t, out.frame_id);
  if (world != 0) params["executionContextId"] = world;
  auto s = out.in(t);
  auto told = co_await s.call("DOM.resolveNode", params);
  out.object_id = text_at(told.result, "object", "objectId");
  if (out.object_id.empty()) co_await refuse_stale(t, ref);
  auto connected = co_await call_on(t, out, "function(){return this.isConnected}");
  if (connected != true) co_await refuse_stale(t, ref);
  co_return out;
}

/// Once, in all frames; without an `object_id`: not there.
task<element> look_for(turn& t, json target) {
  auto expression = expression_of(target);
  auto all = t.on->frames();
  for (auto& f : all) {
    auto world = co_await world_of(t, f.id);
    if (world == 0) continue;
    auto params = with("expression", expression, "contextId", world);
    element out{f.session_id, f.id, {}};
    auto s = out.in(t);
    auto told = co_await s.call("Runtime.evaluate", params);
    if (told.result.contains("exceptionDetails")) {
      auto why = text_at(told.result, "exceptionDetails", "exception", "description");
      // A frame's own script may be away; a selector that is none is one nowhere.
      if (why.find("is not a valid selector") != std::string::npos)
        refuse(error_code::element_not_found, why.substr(0, why.find('\n')));
      continue;
    }
    out.object_id = text_at(told.result, "result", "objectId");
    if (!out.object_id.empty()) co_return out;
  }
  co_return element{};
}

}  // namespace

double last_try(const turn& t) {
  return t.deadline_ms - 250;
}

task<std::int64_t> world_of(turn& t, std::string frame_id) {
  auto* f = t.on->find_frame(frame_id);
  if (!f) co_return 0;
  if (f->world != 0) co_return f->world;
  auto params = with("frameId", frame_id, "worldName", world_name);
  session s(t.talk(), f->session_id);
  auto told = co_await s.call("Page.createIsolatedWorld", params);
  auto world = integer_at(told.result, "executionContextId");
  if (world == 0) co_return 0;
  auto script = with("expression", page_script, "contextId", world);
  auto made = co_await s.call("Runtime.evaluate", script);
  if (!made) co_return 0;
  if (auto* again = t.on->find_frame(frame_id)) again->world = world;
  co_return world;
}

task<json> evaluate_in(turn& t, std::string frame_id, std::string expression) {
  auto world = co_await world_of(t, frame_id);
  auto* f = t.on->find_frame(frame_id);
  if (world == 0 || !f) co_return json();
  auto params = with("expression", expression, "contextId", world, "returnByValue", true,
                     "awaitPromise", true);
  session s(t.talk(), f->session_id);
  auto told = co_await s.call("Runtime.evaluate", params);
  co_return at(told.result, "result", "value");
}

task<json> call_on(turn& t, const element& e, std::string function, json arguments) {
  auto list = json::array();
  for (auto& each : arguments) list.push_back(with("value", each));
  auto params = with("functionDeclaration", function, "objectId", e.object_id, "arguments",
                     std::move(list), "returnByValue", true, "awaitPromise", true);
  auto s = e.in(t);
  auto told = co_await s.call("Runtime.callFunctionOn", params);
  co_return at(told.result, "result", "value");
}

task<element> find_element(turn& t, json target) {
  if (auto ref = text_at(target, "ref"); !ref.empty()) {
    auto found = co_await find_ref(t, ref);
    co_return found;
  }
  for (;;) {
    auto found = co_await look_for(t, target);
    if (!found.object_id.empty()) co_return found;
    if (t.talk().now() >= last_try(t)) break;
    co_await t.talk().after(retry_ms);
  }
  refuse(error_code::element_not_found, "no element matches " + shown(target),
         with("target", target));
}

task<point> frame_offset(turn& t, std::string frame_id) {
  point out;
  for (;;) {
    auto* f = t.on->find_frame(frame_id);
    if (!f || f->parent_id.empty()) co_return out;
    // The parent's session tells where the frame's element is, in that session's own view.
    auto* parent = t.on->find_frame(f->parent_id);
    if (!parent) co_return out;
    session s(t.talk(), parent->session_id);
    auto params = with("frameId", frame_id);
    auto owner = co_await s.call("DOM.getFrameOwner", params);
    auto node = with("backendNodeId", integer_at(owner.result, "backendNodeId"));
    auto box = co_await s.call("DOM.getBoxModel", node);
    auto& content = list_at(box.result, "model", "content");
    if (content.size() >= 2 && content[0].is_number() && content[1].is_number()) {
      out.x += content[0].get<double>();
      out.y += content[1].get<double>();
    }
    // That view begins at the frame at the top of the process.
    parent = t.on->find_frame(f->parent_id);
    while (parent) {
      auto* above = t.on->find_frame(parent->parent_id);
      if (!above || above->session_id != parent->session_id) break;
      parent = above;
    }
    if (!parent) co_return out;
    frame_id = parent->id;
  }
}

task<point> find_point(turn& t, json target, bool enabled) {
  if (target.contains("x")) co_return point{number_at(target, "x"), number_at(target, "y")};
  std::string why;
  json covered;
  for (;;) {
    auto e = co_await find_element(t, target);
    auto arguments = json::array();
    arguments.push_back(true);
    arguments.push_back(enabled);
    auto told = co_await call_on(
        t, e, "function(pointer, enabled){return troupe.ready(this, pointer, enabled)}", arguments);
    if (told.is_object() && !told.contains("why")) {
      auto offset = co_await frame_offset(t, e.frame_id);
      point out{number_at(told, "x") + offset.x, number_at(told, "y") + offset.y,
                flag_at(told, "downloads")};
      if (e.frame_id == t.on->target_id()) co_return out;
      auto outside = co_await evaluate_in(
          t, t.on->target_id(),
          "troupe.frameAt(" + std::to_string(out.x) + "," + std::to_string(out.y) + ")");
      if (!outside.is_string()) co_return out;
      why = "its frame is covered by " + outside.get<std::string>();
      covered = outside;
    } else {
      why = told.is_object() ? text_at(told, "why") : "the page does not answer";
      covered = at(told, "covered");
    }
    if (t.talk().now() >= last_try(t)) break;
    co_await t.talk().after(retry_ms);
  }
  refuse(error_code::not_actionable, shown(target) + ": " + why,
         with("target", target, "covered_by", covered));
}

task<element> find_ready(turn& t, json target) {
  std::string why;
  for (;;) {
    auto e = co_await find_element(t, target);
    auto arguments = json::array();
    arguments.push_back(false);
    arguments.push_back(true);
    auto told = co_await call_on(
        t, e, "function(pointer, enabled){return troupe.ready(this, pointer, enabled)}", arguments);
    if (told.is_object() && !told.contains("why")) co_return e;
    why = told.is_object() ? text_at(told, "why") : "the page does not answer";
    if (t.talk().now() >= last_try(t)) break;
    co_await t.talk().after(retry_ms);
  }
  refuse(error_code::not_actionable, shown(target) + ": " + why, with("target", target));
}

}  // namespace actors::browsing
