#include "protocol/http/browser_tools.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/http/members.hpp"

namespace protocol::http {
namespace {

using nlohmann::json;
using enum field_kind;

constexpr double numbers_max = 1'000'000'000;

field number_of_element() {
  return {.name = "index",
          .kind = integer,
          .required = true,
          .max = numbers_max,
          .doc = "The element's number, as `state` shows it: 12 for `[ref=e12]`."};
}

std::string ref_of(const json& given) {
  return "e" + std::to_string(given.at("index").get<std::int64_t>());
}

json url_of(const json& given) {
  return {{"url", given.at("url")}};
}

json click_of(const json& given) {
  return {{"ref", ref_of(given)}};
}

json fill_of(const json& given) {
  return {{"ref", ref_of(given)},
          {"text", given.at("text")},
          {"submit", value_or(given, "submit", false)}};
}

json find_of(const json& given) {
  return {{"text", given.at("text")}, {"skip", value_or(given, "skip", 0)}, {"limit", 1}};
}

json down(const json& given) {
  return {{"dy", value_or(given, "pixels", 600.0)}};
}

json up(const json& given) {
  return {{"dy", -value_or(given, "pixels", 600.0)}};
}

json nothing(const json&) {
  return json::object();
}

json full_page(const json&) {
  return {{"full_page", true}};
}

browser_tool tool(std::string_view name, std::string_view schema_name, std::string_view verb,
                  std::string_view doc, std::vector<field> fields, json (*translate)(const json&)) {
  fields.push_back({.name = "tab",
                    .kind = integer,
                    .max = numbers_max,
                    .doc = "Its number; without it the page `active`."});
  return {.name = name,
          .body = {schema_name, doc, std::move(fields)},
          .verb = verb,
          .fields = translate};
}

std::vector<browser_tool> make_tools() {
  const field pixels{
      .name = "pixels", .kind = number, .max = 100'000, .above_min = true, .fallback = "600"};
  std::vector<browser_tool> out{
      tool("visit", "BrowserToolVisit", "navigate", "To an address.",
           {{.name = "url", .required = true}}, url_of),
      tool("state", "BrowserToolState", "state", "What the page shows, and the numbered tabs.", {},
           nothing),
      tool("click", "BrowserToolClick", "click", "An element, by its number.",
           {number_of_element()}, click_of),
      tool("input", "BrowserToolInput", "fill", "A text into a field, by its number.",
           {number_of_element(),
            {.name = "text", .required = true},
            {.name = "submit", .kind = boolean, .fallback = "false"}},
           fill_of),
      tool("find", "BrowserToolFind", "find", "The first element that says a text.",
           {{.name = "text", .required = true},
            {.name = "skip",
             .kind = integer,
             .max = 100'000,
             .fallback = "0",
             .doc = "So many before it."}},
           find_of),
      tool("scroll_down", "BrowserToolScrollDown", "scroll", "Scroll down.", {pixels}, down),
      tool("scroll_up", "BrowserToolScrollUp", "scroll", "Scroll up.", {pixels}, up),
      tool("screenshot", "BrowserToolScreenshot", "screenshot", "A picture of what is in view.", {},
           nothing),
      tool("full_page_screenshot", "BrowserToolFullPage", "screenshot", "A picture of all of it.",
           {}, full_page)};
  std::ranges::find(out, "state", &browser_tool::name)->reads = true;
  return out;
}

}  // namespace

std::span<const browser_tool> browser_tools() {
  static const auto table = make_tools();
  return table;
}

const browser_tool* find_browser_tool(std::string_view name) {
  auto all = browser_tools();
  auto found = std::ranges::find(all, name, &browser_tool::name);
  return found == all.end() ? nullptr : &*found;
}

std::string page_of_tool(const json& given) {
  auto tab = value_or(given, "tab", std::int64_t{-1});
  return tab < 0 ? "active" : std::to_string(tab);
}

}  // namespace protocol::http
