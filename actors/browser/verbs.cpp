#include "actors/browser/verbs.hpp"

#include <algorithm>
#include <array>

namespace actors::browsing {
namespace {

constexpr std::array table{
    verb_row{.name = "new", .run = new_page, .needs_live_page = false, .needs_page = false},
    verb_row{.name = "close",
             .run = close_page,
             .acts = false,
             .alone = false,
             .needs_live_page = false},
    verb_row{.name = "activate",
             .run = activate_page,
             .acts = false,
             .alone = false,
             .needs_live_page = false},
    verb_row{.name = "navigate", .run = navigate, .needs_live_page = false},
    verb_row{.name = "back", .run = back},
    verb_row{.name = "forward", .run = forward},
    verb_row{.name = "reload", .run = reload, .needs_live_page = false},
};

}  // namespace

const verb_row* find_verb(std::string_view name) {
  auto found = std::ranges::find(table, name, &verb_row::name);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace actors::browsing
