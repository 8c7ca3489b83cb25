// What a client asks of a page: for each action its fields, in one table.
//
// Pure. The table serves validation, /openapi.json and whoever carries the actions out. A target is
// one of {"ref"}, {"selector"}, {"text"}, {"x", "y"}: as the field `target`, or with its members
// beside the others where these have no other meaning.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/http/schema.hpp"

namespace protocol::http {

struct browser_verb {
  std::string_view name;
  schema body;
  bool reads = false;  ///< by GET, with the fields in the query
  bool answers_bytes = false;
};

/// All of them, made once. `new` and `close` have routes of their own.
std::span<const browser_verb> browser_verbs();
const browser_verb* find_browser_verb(std::string_view name);

/// The checked fields: without those that are null, the target under `target`. The fault is
/// `invalid_field` with a pointer for each that is wrong, or `route_not_found` for no verb.
result<nlohmann::json> read_browser_action(std::string_view verb, const nlohmann::json& body);

/// As `read_browser_action`, for fields that came in a query as text.
result<nlohmann::json> read_browser_query(
    std::string_view verb, const std::vector<std::pair<std::string, std::string>>& query);

/// Of what `read_browser_action` gave: in milliseconds from the request on.
double browser_timeout_ms(std::string_view verb, const nlohmann::json& fields);

}  // namespace protocol::http
