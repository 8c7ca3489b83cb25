// Actions as simple tools take them: on numbered tabs and numbered elements, each by a name of its
// own. Every one stands for an action of `browser_request.hpp`.
//
// Pure. An element's number is that of its ref: 12 is `e12`. A tab's number is its place in the
// list of pages, from 0.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "protocol/http/schema.hpp"

namespace protocol::http {

struct browser_tool {
  std::string_view name;
  schema body;
  std::string_view verb;  ///< the action it stands for
  bool reads = false;     ///< by GET, without fields
  /// The action's fields, from the tool's that were checked.
  nlohmann::json (*fields)(const nlohmann::json& given) = nullptr;
};

std::span<const browser_tool> browser_tools();
const browser_tool* find_browser_tool(std::string_view name);

/// The page that a tool is about, as a route names it.
std::string page_of_tool(const nlohmann::json& given);

}  // namespace protocol::http
