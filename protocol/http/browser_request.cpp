#include "protocol/http/browser_request.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "protocol/http/members.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"

namespace protocol::http {
namespace {

using nlohmann::json;
using enum field_kind;

constexpr double timeout_s_max = 600;
constexpr double pixels_max = 100'000;
constexpr double cookie_time_max = 253'402'300'799;  // the year 9999

field whole(std::string_view name, double min, double max, std::string_view fallback,
            std::string_view doc) {
  return {.name = name, .kind = integer, .min = min, .max = max, .fallback = fallback, .doc = doc};
}

field flag(std::string_view name, std::string_view fallback, std::string_view doc) {
  return {.name = name, .kind = boolean, .fallback = fallback, .doc = doc};
}

field one_of(std::string_view name, std::vector<std::string_view> choices,
             std::string_view fallback, std::string_view doc) {
  return {.name = name,
          .kind = choice,
          .fallback = fallback,
          .doc = doc,
          .choices = std::move(choices)};
}

field coordinate(std::string_view name) {
  return {.name = name, .kind = number, .min = -pixels_max, .max = pixels_max};
}

field ref_field() {
  return {.name = "ref", .doc = "As a snapshot names it, such as `e12`."};
}

field selector_field(std::string_view doc) {
  return {.name = "selector", .doc = doc};
}

std::shared_ptr<const schema> target_schema() {
  static const auto made = std::make_shared<const schema>(
      schema{"BrowserTarget",
             "One of `ref`, `selector`, `text`, or `x` with `y`.",
             {ref_field(),
              selector_field("CSS; the first that is visible."),
              {.name = "text", .doc = "What the element says; the whole of it before a part."},
              coordinate("x"),
              coordinate("y")}});
  return made;
}

field target_field(std::string_view name, bool required, std::string_view doc) {
  return {
      .name = name, .kind = object, .required = required, .doc = doc, .members = target_schema()};
}

/// Where they mean nothing else, a target's members may stand for themselves.
void add_target(std::vector<field>& to, std::string_view doc) {
  to.push_back(target_field("target", false, doc));
  for (auto& f : target_schema()->fields)
    if (std::ranges::find(to, f.name, &field::name) == to.end()) to.push_back(f);
}

field bytes_field() {
  return whole("bytes_max", 1, 10'000'000, "200000", "The answer is cut there.");
}

void add_common(std::vector<field>& to, std::string_view seconds, bool acts) {
  to.push_back({.name = "timeout_s",
                .kind = number,
                .min = 0,
                .max = timeout_s_max,
                .above_min = true,
                .fallback = seconds,
                .doc = "The action is over by then, or fails and says why."});
  if (acts) to.push_back(flag("snapshot", "false", "Answer with a snapshot of what became of it."));
}

browser_verb act(std::string_view name, std::string_view schema_name, std::string_view doc,
                 std::vector<field> fields, std::string_view seconds = "10") {
  add_common(fields, seconds, true);
  return {.name = name, .body = {schema_name, doc, std::move(fields)}};
}

browser_verb on_target(std::string_view name, std::string_view schema_name, std::string_view doc,
                       std::vector<field> fields) {
  add_target(fields, "What to act on.");
  return act(name, schema_name, doc, std::move(fields));
}

browser_verb look(std::string_view name, std::string_view schema_name, std::string_view doc,
                  std::vector<field> fields) {
  add_common(fields, "10", false);
  return {.name = name, .body = {schema_name, doc, std::move(fields)}, .reads = true};
}

browser_verb picture(std::string_view name, std::string_view schema_name, std::string_view doc,
                     std::vector<field> fields) {
  add_common(fields, "30", false);
  fields.push_back({.name = "path", .doc = "Into this file of the workspace; no bytes answered."});
  return {.name = name, .body = {schema_name, doc, std::move(fields)}, .answers_bytes = true};
}

field modifiers_field() {
  return {.name = "modifiers",
          .kind = string_array,
          .fallback = "[]",
          .doc = "Held meanwhile: Alt, Control, Meta, Shift."};
}

void add_navigation(std::vector<browser_verb>& to) {
  to.push_back(act("new", "BrowserNewPage", "A new page.", {{.name = "url"}}, "30"));
  to.push_back(act("close", "BrowserClose", "The page goes.", {}));
  to.push_back(act("activate", "BrowserActivate", "It becomes the page `active`.", {}));
  to.push_back(act("navigate", "BrowserNavigate", "To another address.",
                   {{.name = "url", .required = true, .doc = "http, https, data or about:blank."},
                    one_of("wait_until", {"load", "domcontentloaded", "commit"}, "\"load\"",
                           "`load` also waits until nothing has been in flight for a while.")},
                   "30"));
  to.push_back(act("back", "BrowserBack", "One page back.", {}, "30"));
  to.push_back(act("forward", "BrowserForward", "One page forward.", {}, "30"));
  to.push_back(act("reload", "BrowserReload", "Again; also out of a crash.",
                   {flag("ignore_cache", "false", "Ask for everything anew.")}, "30"));
}

void add_input(std::vector<browser_verb>& to) {
  to.push_back(on_target("click", "BrowserClick", "As soon as the element can take it.",
                         {one_of("button", {"left", "right", "middle"}, "\"left\"", ""),
                          whole("count", 1, 3, "1", "2 is a double click."), modifiers_field()}));
  to.push_back(
      on_target("hover", "BrowserHover", "The pointer over an element.", {modifiers_field()}));
  to.push_back(on_target(
      "type", "BrowserType", "Keys one after the other, where the focus is or into `target`.",
      {{.name = "text", .required = true, .doc = "A line break is the key Enter."},
       {.name = "delay_ms", .kind = number, .min = 0, .max = 1'000, .fallback = "0"},
       flag("submit", "false", "Press Enter at the end.")}));
  to.push_back(on_target("fill", "BrowserFill", "The whole text of a field, at once.",
                         {{.name = "text", .required = true, .doc = "Empty clears it."},
                          flag("submit", "false", "Press Enter at the end.")}));
  to.push_back(on_target(
      "press", "BrowserPress", "A key, where the focus is or on `target`.",
      {{.name = "key", .required = true, .doc = "Such as `Enter`, `a`, `Control+Shift+ArrowLeft`."},
       whole("count", 1, 100, "1", "")}));
  to.push_back(on_target("select", "BrowserSelect", "Options of a <select>.",
                         {{.name = "values",
                           .kind = string_array,
                           .required = true,
                           .doc = "Each by its value or its label."}}));
  to.push_back(on_target("check", "BrowserCheck", "A checkbox, radio button or switch.",
                         {flag("checked", "true", "")}));
  to.push_back(on_target(
      "upload", "BrowserUpload", "Files into an <input type=\"file\">.",
      {{.name = "paths", .kind = string_array, .required = true, .doc = "In the workspace."}}));
  to.push_back(on_target(
      "scroll", "BrowserScroll", "By the wheel, to an end, or until `target` is in the middle.",
      {coordinate("dx"), coordinate("dy"), one_of("to", {"top", "bottom"}, "", "")}));
  to.push_back(act("drag", "BrowserDrag", "From one element to another, by the mouse.",
                   {target_field("from", true, ""), target_field("to", true, ""),
                    whole("steps", 1, 200, "10", "Moves on the way.")}));
}

void add_others(std::vector<browser_verb>& to) {
  to.push_back(
      act("wait", "BrowserWait", "Until all that is given is so.",
          {{.name = "text", .doc = "The page says it."},
           {.name = "text_gone", .doc = "It does not say it any more."},
           selector_field("An element of it is visible."),
           {.name = "url", .doc = "Part of the address, or all of it with `*`."},
           flag("network_idle", "false", "Nothing has been in flight for a while."),
           {.name = "time_s", .kind = number, .min = 0, .max = timeout_s_max, .above_min = true}},
          "30"));
  std::vector<field> script{
      {.name = "expression",
       .required = true,
       .doc = "Its value is `result`; with `target`, a function of the element."}};
  add_target(script, "What the function is given.");
  to.push_back(act("evaluate", "BrowserEvaluate", "A script in the page.", script, "30"));
  to.push_back(act("dialog", "BrowserDialog", "Answers the dialog that the page shows.",
                   {flag("accept", "true", ""), {.name = "text", .doc = "Of a prompt."}}));
  auto place = std::make_shared<const schema>(
      schema{"BrowserGeolocation",
             "",
             {{.name = "latitude", .kind = number, .required = true, .min = -90, .max = 90},
              {.name = "longitude", .kind = number, .required = true, .min = -180, .max = 180},
              {.name = "accuracy", .kind = number, .min = 0, .max = 1e6, .fallback = "1"}}});
  to.push_back(act("emulate", "BrowserEmulate", "What is not given stays as it is.",
                   {whole("width", 1, 10'000, "", "Of the view, in CSS pixels."),
                    whole("height", 1, 10'000, "", "Likewise."),
                    {.name = "device_scale", .kind = number, .min = 0.1, .max = 10},
                    flag("mobile", "false", ""),
                    {.name = "locale", .doc = "Such as `de-DE`."},
                    {.name = "timezone", .doc = "Such as `Europe/Berlin`."},
                    {.name = "geolocation", .kind = object, .members = place},
                    {.name = "offline", .kind = boolean},
                    one_of("color_scheme", {"light", "dark"}, "", ""),
                    flag("reset", "false", "First undo all that was emulated.")}));
}

/// Of what a site keeps in the browser.
field kept_action_field() {
  return one_of("action", {"get", "set", "clear", "save", "load"}, "\"get\"",
                "`save`: what `get` gives goes into a file; `load`: it is set again.");
}

field saved_path_field() {
  return {.name = "file", .doc = "Of the workspace; of `save` and `load`."};
}

/// A cookie, as it is told and as it is set.
std::vector<field> cookie_fields() {
  return {{.name = "name"},
          {.name = "value"},
          {.name = "url", .doc = "Without it and `domain`, the page's."},
          {.name = "domain"},
          {.name = "path"},
          {.name = "expires",
           .kind = number,
           .min = -1,
           .max = cookie_time_max,
           .doc = "Unix time in seconds; -1: with the browser."},
          flag("http_only", "false", ""),
          flag("secure", "false", ""),
          one_of("same_site", {"Strict", "Lax", "None"}, "", "")};
}

void add_traffic(std::vector<browser_verb>& to, const field& from, const field& limit) {
  to.push_back(look("network", "BrowserNetwork", "What it asked for.", {from, limit}));
  to.push_back(
      look("har", "BrowserHar", "What it asked for, as an HTTP Archive 1.2 without bodies.", {}));
  to.push_back(look("downloads", "BrowserDownloads", "What its browser has downloaded.", {}));
  auto block = look("block", "BrowserBlock", "Requests that are not made.",
                    {{.name = "patterns",
                      .kind = string_array,
                      .required = true,
                      .doc = "Addresses with `*` for any characters; none: all are made."}});
  block.reads = false;
  to.push_back(std::move(block));
  auto login = look("authenticate", "BrowserAuthenticate", "Whom sites are told that ask.",
                    {{.name = "username", .required = true, .doc = "Empty: nobody any more."},
                     {.name = "password"},
                     {.name = "origin", .doc = "Of the only site that is told; else all are."}});
  login.reads = false;
  to.push_back(std::move(login));
  static const auto one = std::make_shared<const schema>(
      schema{"BrowserCookie", "As `get` tells it.", cookie_fields()});
  auto fields = cookie_fields();
  fields.insert(fields.begin(),
                {kept_action_field(),
                 saved_path_field(),
                 {.name = "urls", .kind = string_array, .doc = "Those sent to these."},
                 {.name = "cookies",
                  .kind = object_array,
                  .doc = "Several to set, such as `get` gave.",
                  .members = one}});
  to.push_back(
      look("cookies", "BrowserCookies", "Gets, sets or clears cookies, saves and loads.", fields));
}

void add_reads(std::vector<browser_verb>& to) {
  auto part = selector_field("Only the first element of it.");
  to.push_back(
      look("snapshot", "BrowserSnapshot", "What the page shows, with refs.", {bytes_field()}));
  to.push_back(look("state", "BrowserState", "What the page shows, and the numbered tabs.",
                    {bytes_field()}));
  to.push_back(look("text", "BrowserText", "Its text.", {part, bytes_field()}));
  to.push_back(look("markdown", "BrowserMarkdown", "Its text as Markdown.", {part, bytes_field()}));
  to.push_back(look("html", "BrowserHtml", "Its HTML as it is now.", {part, bytes_field()}));
  auto from = whole("from", 1, 0, "1", "The first number; go on with `next` of the answer.");
  auto limit = whole("limit", 1, 1'000, "200", "");
  to.push_back(look("console", "BrowserConsole", "What was said on its console.",
                    {from, limit, one_of("level", {"debug", "info", "warning", "error"}, "", "")}));
  add_traffic(to, from, limit);
  to.push_back(look("storage", "BrowserStorage",
                    "Gets, sets or clears what the site keeps, saves and loads.",
                    {kept_action_field(),
                     saved_path_field(),
                     one_of("area", {"local", "session"}, "\"local\"", ""),
                     {.name = "items", .kind = string_map, .doc = "To set."},
                     {.name = "keys", .kind = string_array, .doc = "To clear; none: all."}}));
  auto find = look("find", "BrowserFind", "Elements, each with a ref.",
                   {{.name = "text", .doc = "What they say."},
                    selector_field("Or a selector."),
                    whole("skip", 0, 100'000, "0", "So many of the first."),
                    whole("limit", 1, 100, "20", "")});
  find.reads = false;
  to.push_back(std::move(find));
  std::vector<field> shot{flag("full_page", "false", "All of it, not only what is in view."),
                          one_of("format", {"png", "jpeg", "webp"}, "\"png\"", ""),
                          whole("quality", 1, 100, "80", "Not of png.")};
  add_target(shot, "Only this element.");
  to.push_back(picture("screenshot", "BrowserScreenshot", "A picture.", std::move(shot)));
  to.push_back(picture("pdf", "BrowserPdf", "The page as it would be printed.",
                       {flag("landscape", "false", ""),
                        flag("print_background", "true", ""),
                        one_of("format", {"a4", "letter"}, "\"a4\"", ""),
                        {.name = "scale", .kind = number, .min = 0.1, .max = 2, .fallback = "1"},
                        {.name = "pages", .doc = "Such as `1-3, 5`."}}));
}

/// The kinds of target that are given, of which there may be one.
std::vector<std::string> kinds_of(const json& target) {
  std::vector<std::string> out;
  for (auto* each : {"ref", "selector", "text"})
    if (target.contains(each)) out.emplace_back(each);
  if (target.contains("x") || target.contains("y")) out.emplace_back("x");
  return out;
}

void check_target(const json& target, const std::string& at, std::vector<violation>& wrong) {
  auto kinds = kinds_of(target);
  if (kinds.size() != 1)
    wrong.push_back({at, "give one of `ref`, `selector`, `text`, or `x` with `y`"});
  else if (kinds[0] == "x" && !(target.contains("x") && target.contains("y")))
    wrong.push_back({at, "give `x` and `y`"});
  else if (kinds[0] != "x" && target[kinds[0]].get_ref<const std::string&>().empty())
    wrong.push_back({at + "/" + kinds[0], "must not be empty"});
}

json without_nulls(const json& body) {
  auto out = json::object();
  for (auto& [name, value] : body.items())
    if (!value.is_null()) out[name] = value.is_object() ? without_nulls(value) : value;
  return out;
}

/// Puts a target's members where it belongs.
void gather_target(std::string_view verb, json& body, std::vector<violation>& wrong) {
  bool text_is_other = verb == "type" || verb == "fill";
  auto flat = json::object();
  for (auto* each : {"ref", "selector", "text", "x", "y"}) {
    if (!body.contains(each) || (text_is_other && std::string_view(each) == "text")) continue;
    flat[each] = std::move(body[each]);
    body.erase(each);
  }
  if (flat.empty()) return;
  if (body.contains("target"))
    wrong.push_back({"/target", "is given twice: as itself and by `" + flat.begin().key() + "`"});
  body["target"] = std::move(flat);
}

void check_cookie(const json& cookie, const std::string& at, std::vector<violation>& wrong) {
  for (auto* each : {"name", "value"})
    if (!cookie.contains(each)) wrong.push_back({at + "/" + each, "is required"});
}

void check_fields(std::string_view verb, const json& body, std::vector<violation>& wrong) {
  auto empty = [&](const char* name) { return value_or<std::string>(body, name, {}).empty(); };
  for (auto* each : {"target", "from", "to"})
    if (auto it = body.find(each); it != body.end() && it->is_object())
      check_target(*it, std::string("/") + each, wrong);
  static constexpr std::array<std::string_view, 5> aimed{"click", "hover", "select", "check",
                                                         "upload"};
  if ((std::ranges::count(aimed, verb) > 0 || verb == "fill") && !body.contains("target"))
    wrong.push_back({"/target", "is required"});
  if (verb == "navigate" && empty("url")) wrong.push_back({"/url", "must not be empty"});
  if (verb == "evaluate" && empty("expression"))
    wrong.push_back({"/expression", "must not be empty"});
  if (verb == "wait" && std::ranges::none_of(std::array{"text", "text_gone", "selector", "url",
                                                        "network_idle", "time_s"},
                                             [&](auto* each) { return body.contains(each); }))
    wrong.push_back({"", "give something to wait for"});
  if (verb == "find" && empty("text") == empty("selector"))
    wrong.push_back({"", "give either `text` or `selector`"});
  if (verb == "scroll" && std::ranges::none_of(std::array{"dx", "dy", "to", "target"},
                                               [&](auto* each) { return body.contains(each); }))
    wrong.push_back({"", "give `dx` or `dy`, `to`, or `target`"});
  if (verb == "cookies" && value_or<std::string>(body, "action", "get") == "set") {
    auto several = body.value("cookies", json::array());
    if (!body.contains("cookies")) check_cookie(body, "", wrong);
    for (std::size_t i = 0; i < several.size(); ++i)
      check_cookie(several[i], "/cookies/" + std::to_string(i), wrong);
  }
  auto action = value_or<std::string>(body, "action", "get");
  if ((action == "save" || action == "load") && empty("file"))
    wrong.push_back({"/file", "is required"});
  static constexpr std::array<std::string_view, 4> modifiers{"Alt", "Control", "Meta", "Shift"};
  if (auto it = body.find("modifiers"); it != body.end())
    for (std::size_t i = 0; i < it->size(); ++i)
      if (std::ranges::count(modifiers, (*it)[i].get_ref<const std::string&>()) == 0)
        wrong.push_back(
            {"/modifiers/" + std::to_string(i), "must be one of Alt, Control, Meta, Shift"});
}

bool takes_target(const schema& s) {
  return std::ranges::find(s.fields, "target", &field::name) != s.fields.end();
}

/// As JSON would have it; what cannot be is left as text, for the check to find.
json typed(const field& f, const std::string& text) {
  switch (f.kind) {
    case integer:
    case number:
    case boolean:
    case string_map: {
      auto value = json::parse(text, nullptr, false);
      return value.is_discarded() ? json(text) : value;
    }
    case string_array: {
      auto value = json::parse(text, nullptr, false);
      return value.is_array() ? value : json::array({text});
    }
    default: return text;
  }
}

}  // namespace

std::span<const browser_verb> browser_verbs() {
  static const auto table = [] {
    std::vector<browser_verb> out;
    add_navigation(out);
    add_input(out);
    add_others(out);
    add_reads(out);
    return out;
  }();
  return table;
}

const browser_verb* find_browser_verb(std::string_view name) {
  auto all = browser_verbs();
  auto found = std::ranges::find(all, name, &browser_verb::name);
  return found == all.end() ? nullptr : &*found;
}

result<json> read_browser_action(std::string_view verb, const json& body) {
  auto* v = find_browser_verb(verb);
  if (!v) return fault{error_code::route_not_found, "no action `" + std::string(verb) + "`", {}, 0};
  auto wrong = validate(body, v->body);
  if (!wrong.empty()) return invalid_fields(wrong);
  auto out = without_nulls(body);
  if (takes_target(v->body)) gather_target(verb, out, wrong);
  check_fields(verb, out, wrong);
  if (!wrong.empty()) return invalid_fields(wrong);
  return {boost::system::in_place_value, std::move(out)};
}

result<json> read_browser_query(std::string_view verb,
                                const std::vector<std::pair<std::string, std::string>>& query) {
  auto* v = find_browser_verb(verb);
  auto body = json::object();
  for (auto& [name, text] : query) {
    body[name] = text;
    if (!v) continue;
    auto f = std::ranges::find(v->body.fields, std::string_view(name), &field::name);
    if (f != v->body.fields.end()) body[name] = typed(*f, text);
  }
  return read_browser_action(verb, body);
}

double browser_timeout_ms(std::string_view verb, const json& fields) {
  auto seconds = value_or(fields, "timeout_s", 0.0);
  if (seconds > 0) return seconds * 1e3;
  auto* v = find_browser_verb(verb);
  if (!v) return 0;
  auto f = std::ranges::find(v->body.fields, "timeout_s", &field::name);
  return json::parse(f->fallback).get<double>() * 1e3;
}

}  // namespace protocol::http
