// What a person does with mouse and keyboard.
#include <algorithm>
#include <utility>

#include "actors/browser/keyboard.hpp"
#include "actors/browser/target.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/text.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

int modifiers_of(const turn& t) {
  int out = 0;
  for (auto& each : list_at(t.params, "modifiers"))
    if (each.is_string()) out |= find_modifier(each.get_ref<const std::string&>());
  return out;
}

json mouse(std::string_view type, point p, int modifiers = 0) {
  return with("type", type, "x", p.x, "y", p.y, "modifiers", modifiers);
}

int button_bit(std::string_view button) {
  return button == "right" ? 2 : button == "middle" ? 4 : 1;
}

json pressing(std::string_view type, point p, const std::string& button, int count, int modifiers) {
  auto out = mouse(type, p, modifiers);
  put(out, "button", button, "clickCount", count, "buttons",
      type == "mousePressed" ? button_bit(button) : 0);
  return out;
}

/// Sends it, and waits until the page has seen it.
task<void> tell(turn& t, std::string method, json params) {
  auto s = t.top();
  auto told = co_await s.call(method, params, t.deadline_ms - t.talk().now());
  if (!told) refuse_reply(told, method);
}

task<void> click_at(turn& t, point p, std::string button, int times, int modifiers) {
  auto s = t.top();
  auto move = mouse("mouseMoved", p, modifiers);
  move["button"] = "none";
  s.post("Input.dispatchMouseEvent", move);
  for (int i = 1; i <= times; ++i) {
    s.post("Input.dispatchMouseEvent", pressing("mousePressed", p, button, i, modifiers));
    auto release = pressing("mouseReleased", p, button, i, modifiers);
    if (i == times)
      co_await tell(t, "Input.dispatchMouseEvent", release);
    else
      s.post("Input.dispatchMouseEvent", release);
  }
}

/// The commands of an editor that a browser has of its system, not of its keys.
json editor_commands(const key_chord& chord) {
  auto out = json::array();
  if ((chord.modifiers & ~shift) != control) return out;
  auto& code = chord.key.code;
  if (code == "KeyA") out.push_back("selectAll");
  if (code == "KeyC") out.push_back("copy");
  if (code == "KeyX") out.push_back("cut");
  if (code == "KeyV") out.push_back("paste");
  if (code == "KeyZ") out.push_back((chord.modifiers & shift) != 0 ? "redo" : "undo");
  if (code == "KeyY") out.push_back("redo");
  return out;
}

json key_params(const key_chord& chord, bool down) {
  auto& k = chord.key;
  auto types = !k.text.empty() && (chord.modifiers & ~shift) == 0;
  auto out = with("type", down ? (types ? "keyDown" : "rawKeyDown") : "keyUp", "key", k.key, "code",
                  k.code, "windowsVirtualKeyCode", k.virtual_key, "modifiers", chord.modifiers,
                  "location", k.location);
  if (!down) return out;
  if (types) put(out, "text", k.text, "unmodifiedText", k.text);
  if (auto commands = editor_commands(chord); !commands.empty())
    out["commands"] = std::move(commands);
  return out;
}

task<void> press_chord(turn& t, key_chord chord) {
  auto s = t.top();
  s.post("Input.dispatchKeyEvent", key_params(chord, true));
  co_await tell(t, "Input.dispatchKeyEvent", key_params(chord, false));
}

task<void> press_enter(turn& t) {
  key_chord enter{0, *find_key("Enter")};
  co_await press_chord(t, enter);
}

/// Brings the caret into it.
task<json> focus_for_text(turn& t, bool clear) {
  auto target = at(t.params, "target");
  auto e = co_await find_ready(t, target);
  auto arguments = json::array();
  arguments.push_back(clear);
  auto told =
      co_await call_on(t, e, "function(clear){return troupe.focusForText(this, clear)}", arguments);
  if (told.is_object() && told.contains("why"))
    refuse(error_code::not_actionable, text_at(told, "why"), with("target", target));
  told["object_id"] = e.object_id;
  told["session_id"] = e.session_id;
  co_return told;
}

void refuse_why(const turn& t, const json& told) {
  if (!told.is_object()) refuse(error_code::not_actionable, "the page does not answer");
  if (!told.contains("why")) return;
  auto members = told;
  members.erase("why");
  members["target"] = at(t.params, "target");
  refuse(error_code::not_actionable, text_at(told, "why"), members);
}

bool has_target(const turn& t) {
  return at(t.params, "target").is_object() && !at(t.params, "target").empty();
}

}  // namespace

task<json> click(turn& t) {
  auto p = co_await find_point(t, at(t.params, "target"));
  t.downloads = p.downloads;
  auto count = std::max<std::int64_t>(1, integer_at(t.params, "count"));
  auto button = t.params.value("button", std::string("left"));
  co_await click_at(t, p, button, static_cast<int>(count), modifiers_of(t));
  co_return json::object();
}

task<json> hover(turn& t) {
  auto p = co_await find_point(t, at(t.params, "target"), false);
  auto move = mouse("mouseMoved", p, modifiers_of(t));
  move["button"] = "none";
  co_await tell(t, "Input.dispatchMouseEvent", move);
  co_return json::object();
}

task<json> drag(turn& t) {
  auto from = co_await find_point(t, at(t.params, "from"));
  auto s = t.top();
  auto move = mouse("mouseMoved", from);
  move["button"] = "none";
  s.post("Input.dispatchMouseEvent", move);
  co_await tell(t, "Input.dispatchMouseEvent", pressing("mousePressed", from, "left", 1, 0));
  // The place may only be there, or visible, once something is held over the page.
  auto to = co_await find_point(t, at(t.params, "to"), false);
  auto steps = std::max<std::int64_t>(1, integer_at(t.params, "steps"));
  for (std::int64_t i = 1; i <= steps; ++i) {
    auto part = static_cast<double>(i) / static_cast<double>(steps);
    auto held =
        mouse("mouseMoved", {from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part});
    put(held, "button", "left", "buttons", 1);
    co_await tell(t, "Input.dispatchMouseEvent", held);
  }
  co_await tell(t, "Input.dispatchMouseEvent", pressing("mouseReleased", to, "left", 1, 0));
  co_return json::object();
}

task<json> type(turn& t) {
  if (has_target(t)) co_await focus_for_text(t, false);
  auto text = text_at(t.params, "text");
  auto delay_ms = number_at(t.params, "delay_ms");
  std::string others;  // what is on no key goes in at once
  for (std::size_t i = 0; i < text.size();) {
    auto length = std::max<std::size_t>(1, protocol::utf8_length(text, i));
    auto one = text.substr(i, length);
    i += length;
    auto key = find_key(one);
    if (!key) others += one;
    if (!others.empty() && (key || i >= text.size() || delay_ms > 0)) {
      co_await tell(t, "Input.insertText", with("text", std::exchange(others, {})));
    }
    if (key) {
      auto shifted = key->text.size() == 1 && find_key(key->text, false)->code == key->code &&
                     find_key(one, true)->text == one && one[0] > ' ' &&
                     !(one[0] >= 'a' && one[0] <= 'z') && !(one[0] >= '0' && one[0] <= '9');
      key_chord chord{shifted ? shift : 0, *key};
      co_await press_chord(t, chord);
    }
    if (delay_ms > 0) co_await t.talk().after(delay_ms);
  }
  if (flag_at(t.params, "submit")) co_await press_enter(t);
  co_return json::object();
}

task<json> fill(turn& t) {
  auto told = co_await focus_for_text(t, true);
  auto text = text_at(t.params, "text");
  if (flag_at(told, "special")) {
    element e{text_at(told, "session_id"), {}, text_at(told, "object_id")};
    auto arguments = json::array();
    arguments.push_back(text);
    auto set =
        co_await call_on(t, e, "function(text){return troupe.setValue(this, text)}", arguments);
    refuse_why(t, set);
  } else if (text.empty()) {
    key_chord remove{0, *find_key("Delete")};
    co_await press_chord(t, remove);
  } else {
    co_await tell(t, "Input.insertText", with("text", text));
  }
  if (flag_at(t.params, "submit")) co_await press_enter(t);
  co_return json::object();
}

task<json> press(turn& t) {
  auto name = text_at(t.params, "key");
  auto chord = parse_chord(name);
  if (!chord) refuse(error_code::invalid_field, "no key `" + name + "`", with("key", name));
  if (has_target(t)) {
    auto e = co_await find_ready(t, at(t.params, "target"));
    co_await call_on(t, e, "function(){this.focus()}");
  }
  auto count = std::max<std::int64_t>(1, integer_at(t.params, "count"));
  for (std::int64_t i = 0; i < count; ++i) co_await press_chord(t, *chord);
  co_return json::object();
}

task<json> select(turn& t) {
  auto e = co_await find_ready(t, at(t.params, "target"));
  auto arguments = json::array();
  arguments.push_back(list_at(t.params, "values"));
  auto told =
      co_await call_on(t, e, "function(values){return troupe.choose(this, values)}", arguments);
  refuse_why(t, told);
  co_return with("result", at(told, "selected"));
}

task<json> check(turn& t) {
  auto target = at(t.params, "target");
  auto wanted = t.params.value("checked", true);
  auto e = co_await find_element(t, target);
  auto told = co_await call_on(t, e, "function(){return troupe.checked(this)}");
  refuse_why(t, told);
  if (flag_at(told, "checked") == wanted) co_return with("result", wanted);
  auto p = co_await find_point(t, target);
  co_await click_at(t, p, "left", 1, 0);
  auto now = co_await call_on(t, e, "function(){return troupe.checked(this)}");
  if (now.is_object() && now.contains("checked") && flag_at(now, "checked") != wanted)
    refuse(error_code::not_actionable, "a click did not change it", with("target", target));
  co_return with("result", wanted);
}

task<json> scroll(turn& t) {
  auto dx = number_at(t.params, "dx");
  auto dy = number_at(t.params, "dy");
  auto to = text_at(t.params, "to");
  auto main = t.on->target_id();
  if (!to.empty()) {
    co_await evaluate_in(t, main,
                         to == "top" ? "scrollTo({top:0,behavior:'instant'})"
                                     : "scrollTo({top:(document.scrollingElement??"
                                       "document.documentElement).scrollHeight,"
                                       "behavior:'instant'})");
  } else if (has_target(t) && dx == 0 && dy == 0) {
    auto e = co_await find_element(t, at(t.params, "target"));
    co_await call_on(t, e, "function(){this.scrollIntoView({block:'center',behavior:'instant'})}");
  } else {
    point p{100, 100};
    if (has_target(t)) p = co_await find_point(t, at(t.params, "target"), false);
    auto wheel = mouse("mouseWheel", p);
    put(wheel, "deltaX", dx, "deltaY", dy);
    co_await tell(t, "Input.dispatchMouseEvent", wheel);
  }
  auto where =
      co_await evaluate_in(t, main, "troupe.frame().then(() => ({x: scrollX, y: scrollY}))");
  co_return with("result", where);
}

task<json> upload(turn& t) {
  auto files = json::array();
  for (auto& path : list_at(t.params, "paths")) {
    auto name = path.is_string() ? path.get<std::string>() : std::string();
    auto& find = t.by.rules().file_for_upload;
    auto found = find ? find(name) : std::string();
    // The browser itself would make an empty file of it.
    if (found.empty())
      refuse(error_code::file_not_found, "no file `" + name + "` in the workspace",
             with("path", name));
    files.push_back(found);
  }
  auto e = co_await find_element(t, at(t.params, "target"));
  auto told = co_await call_on(t, e, "function(){return troupe.isFileInput(this)}");
  refuse_why(t, told);
  if (files.size() > 1 && !flag_at(told, "multiple"))
    refuse(error_code::not_actionable, "it takes one file");
  auto s = e.in(t);
  auto params = with("files", files, "objectId", e.object_id);
  auto set = co_await s.call("DOM.setFileInputFiles", params);
  if (!set) refuse_reply(set, "upload");
  co_return json::object();
}

}  // namespace actors::browsing
