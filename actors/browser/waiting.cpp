// What a page is to become, and what it is asked.
#include <algorithm>

#include "actors/browser/settle.hpp"
#include "actors/browser/target.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/json.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

constexpr double look_again_ms = 50;

task<bool> in_any_frame(turn& t, std::string expression) {
  auto all = t.on->frames();
  for (auto& f : all) {
    auto value = co_await evaluate_in(t, f.id, expression);
    if (value == true) co_return true;
  }
  co_return false;
}

/// `*` stands for any characters; without one, a part of the address is enough.
bool url_matches(std::string_view url, std::string_view pattern) {
  if (pattern.find('*') == pattern.npos) return url.find(pattern) != url.npos;
  bool first = true;
  while (true) {
    auto star = pattern.find('*');
    auto piece = pattern.substr(0, star);
    if (star == pattern.npos) return piece.empty() || url.ends_with(piece);
    auto found = first ? (url.starts_with(piece) ? 0 : url.npos) : url.find(piece);
    if (found == url.npos) return false;
    url.remove_prefix(found + piece.size());
    pattern.remove_prefix(star + 1);
    first = false;
  }
}

/// What is not so yet; empty: all is.
task<std::string> missing(turn& t, double begin) {
  auto& p = *t.on;
  if (auto s = number_at(t.params, "time_s"); s > 0 && t.talk().now() < begin + s * 1e3)
    co_return "time_s";
  if (auto url = text_at(t.params, "url"); !url.empty() && !url_matches(p.url, url))
    co_return "url";
  if (flag_at(t.params, "network_idle")) {
    auto quiet = t.talk().now() - std::max(p.quiet_since_ms, begin);
    if (p.in_flight() > 0 || p.loading || quiet < t.by.rules().settle_quiet_ms)
      co_return "network_idle";
  }
  if (auto text = text_at(t.params, "text"); !text.empty()) {
    auto there = co_await in_any_frame(t, "troupe.hasText(" + protocol::json_string(text) + ")");
    if (!there) co_return "text";
  }
  if (auto text = text_at(t.params, "text_gone"); !text.empty()) {
    auto there = co_await in_any_frame(t, "troupe.hasText(" + protocol::json_string(text) + ")");
    if (there) co_return "text_gone";
  }
  if (auto selector = text_at(t.params, "selector"); !selector.empty()) {
    auto there = co_await in_any_frame(t, "troupe.shows(" + protocol::json_string(selector) + ")");
    if (!there) co_return "selector";
  }
  co_return "";
}

json value_of(const json& told) {
  auto& result = at(told, "result");
  if (result.contains("value")) return at(result, "value");
  auto text = text_at(result, "unserializableValue");
  if (text.empty()) text = text_at(result, "description");
  return text.empty() ? json() : json(text);
}

/// Of a script that is none but for a console: with `await` outside of functions, or a name that
/// there is already. A console does not wait for the promise that a script ends with.
bool did_not_begin(const reply& told) {
  auto& wrong = at(told.result, "exceptionDetails");
  return text_at(wrong, "exception", "className") == "SyntaxError" &&
         list_at(wrong, "stackTrace", "callFrames").empty();
}

json checked_value(const reply& told) {
  // So it says of a script that it has ended, for `replMode` in other words than else.
  if (!told && (told.error->message == "Internal error" ||
                told.error->message == "Execution was terminated"))
    refuse(error_code::timed_out, "the script ran too long, and was ended");
  if (!told) refuse_reply(told, "evaluate");
  auto& wrong = at(told.result, "exceptionDetails");
  if (wrong.is_null()) return value_of(told.result);
  auto text = text_at(wrong, "exception", "description");
  if (text.empty()) {
    auto& value = at(wrong, "exception", "value");
    text = value.is_null() ? text_at(wrong, "text") : value.dump();
  }
  refuse(error_code::javascript_error, text,
         with("line", integer_at(wrong, "lineNumber") + 1, "column",
              integer_at(wrong, "columnNumber") + 1));
}

}  // namespace

task<json> wait(turn& t) {
  auto begin = t.talk().now();
  auto end = t.deadline_ms - 150;
  for (;;) {
    auto what = co_await missing(t, begin);
    if (what.empty()) co_return with("waited_ms", t.talk().now() - begin);
    if (t.talk().now() >= end)
      refuse(error_code::timed_out, "`" + what + "` did not come true in time",
             with("waiting_for", what));
    co_await t.talk().until(std::min(end, t.talk().now() + look_again_ms));
  }
}

task<json> evaluate(turn& t) {
  auto expression = text_at(t.params, "expression");
  auto left = std::max(100.0, t.deadline_ms - t.talk().now() - 200);
  auto target = at(t.params, "target");
  if (target.is_object() && !target.empty()) {
    auto e = co_await find_element(t, target);
    // The page's own world, which the element must be known in.
    auto node = with("objectId", e.object_id);
    auto s = e.in(t);
    auto told = co_await s.call("DOM.describeNode", node);
    auto by_node = with("backendNodeId", integer_at(told.result, "node", "backendNodeId"));
    auto found = co_await s.call("DOM.resolveNode", by_node);
    auto id = text_at(found.result, "object", "objectId");
    auto arguments = json::array();
    arguments.push_back(with("objectId", id));
    auto params = with("functionDeclaration", "function(e){return (" + expression + "\n)(e)}",
                       "objectId", id, "arguments", std::move(arguments), "returnByValue", true,
                       "awaitPromise", true, "userGesture", true);
    auto answer = co_await s.call("Runtime.callFunctionOn", params, left);
    co_return with("result", checked_value(answer));
  }
  auto params = with("expression", expression, "returnByValue", true, "awaitPromise", true,
                     "userGesture", true, "timeout", left);
  auto s = t.top();
  auto asked = s.call("Runtime.evaluate", params, left + 100);
  look_ahead(t);
  auto answer = co_await asked;
  // A promise that was waited for: the page's next turn is another one now.
  if (t.ahead->done()) t.ahead.reset();
  if (did_not_begin(answer)) {
    t.ahead.reset();
    params["replMode"] = true;
    auto again = co_await s.call("Runtime.evaluate", params, left + 100);
    answer = std::move(again);
  }
  co_return with("result", checked_value(answer));
}

task<json> dialog(turn& t) {
  if (!t.on->dialog) refuse(error_code::wrong_state, "the page shows no dialog");
  auto shown = to_json(*t.on->dialog);
  auto params = with("accept", t.params.value("accept", true));
  if (auto& text = at(t.params, "text"); text.is_string()) params["promptText"] = text;
  auto s = t.top();
  auto told = co_await s.call("Page.handleJavaScriptDialog", params);
  if (!told) refuse_reply(told, "dialog");
  auto end = t.talk().now() + 1'000;
  while (t.on->dialog && t.talk().now() < end) co_await t.on->changed.next(t.talk(), end);
  co_return with("result", shown);
}

}  // namespace actors::browsing
