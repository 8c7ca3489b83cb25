#include "actors/browser/verbs.hpp"

#include <algorithm>
#include <array>

namespace actors::browsing {
namespace {

/// Clicks and keys: one at a time on a page.
constexpr verb_row act(std::string_view name, task<json> (*run)(turn&)) {
  return {.name = name, .run = run};
}

/// What only looks: beside others, and answered at once.
constexpr verb_row look(std::string_view name, task<json> (*run)(turn&), bool live = true) {
  return {.name = name, .run = run, .acts = false, .alone = false, .needs_live_page = live};
}

constexpr std::array table{
    verb_row{.name = "new", .run = new_page, .needs_live_page = false, .needs_page = false},
    look("close", close_page, false),
    look("activate", activate_page, false),
    verb_row{.name = "navigate", .run = navigate, .at_once = true, .needs_live_page = false},
    act("back", back),
    act("forward", forward),
    verb_row{.name = "reload", .run = reload, .at_once = true, .needs_live_page = false},
    act("click", click),
    act("hover", hover),
    act("drag", drag),
    act("type", type),
    act("fill", fill),
    act("press", press),
    act("select", select),
    act("check", check),
    act("scroll", scroll),
    act("upload", upload),
    verb_row{.name = "wait", .run = wait, .alone = false},
    verb_row{.name = "evaluate", .run = evaluate, .at_once = true},
    verb_row{.name = "dialog", .run = dialog, .alone = false, .needs_live_page = false},
    act("emulate", emulate),
    look("snapshot", snapshot),
    look("state", state),
    look("text", text),
    look("markdown", markdown),
    look("html", html),
    look("console", console, false),
    look("network", network, false),
    look("har", har, false),
    look("downloads", downloads, false),
    look("block", block, false),
    look("authenticate", authenticate, false),
    look("find", find),
    look("cookies", cookies, false),
    look("storage", storage),
    look("screenshot", screenshot),
    look("pdf", pdf),
};

}  // namespace

const verb_row* find_verb(std::string_view name) {
  auto found = std::ranges::find(table, name, &verb_row::name);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace actors::browsing
