#include "protocol/cdp/policy.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "protocol/http/problem.hpp"
#include "protocol/http/schema.hpp"
#include "protocol/json.hpp"

namespace protocol::cdp {
namespace {

constexpr std::array<std::string_view, 2> around{"Target.sendMessageToTarget",
                                                 "Target.exposeDevToolsProtocol"};
constexpr std::size_t token_bytes_min = 16;

bool names(const std::vector<std::string>& all, std::string_view method) {
  auto domain = method.substr(0, method.find('.'));
  return std::ranges::any_of(all, [&](auto& each) { return each == method || each == domain; });
}

const http::schema& row_schema() {
  using enum http::field_kind;
  static const http::schema made{"CdpToken",
                                 "",
                                 {{.name = "token", .required = true},
                                  {.name = "allow", .kind = string_array},
                                  {.name = "deny", .kind = string_array}}};
  return made;
}

}  // namespace

bool token_policy::allows(std::string_view method) const {
  if (std::ranges::count(around, method) > 0 || names(deny, method)) return false;
  return allow.empty() || names(allow, method);
}

result<std::vector<token_policy>> read_token_policies(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  if (!parsed->is_object() || parsed->size() != 1 || !parsed->contains("tokens") ||
      !(*parsed)["tokens"].is_array())
    return http::invalid_fields({{"", "must be {\"tokens\": [...]}"}});
  std::vector<token_policy> out;
  std::vector<http::violation> wrong;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < (*parsed)["tokens"].size(); ++i) {
    const auto& row = (*parsed)["tokens"][i];
    auto at = "/tokens/" + std::to_string(i);
    auto found = row.is_object() ? http::validate(row, row_schema())
                                 : std::vector<http::violation>{{"", "must be an object"}};
    for (auto& each : found) wrong.push_back({at + each.pointer, std::move(each.detail)});
    if (!found.empty()) continue;
    auto none = nlohmann::json::array();
    out.push_back({row["token"], row.value("allow", none), row.value("deny", none)});
    if (out.back().token.size() < token_bytes_min)
      wrong.push_back({at + "/token", "must have 16 characters or more"});
    if (!seen.insert(out.back().token).second) wrong.push_back({at + "/token", "is there twice"});
  }
  if (!wrong.empty()) return http::invalid_fields(wrong);
  return out;
}

}  // namespace protocol::cdp
