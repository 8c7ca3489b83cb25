#include "gateways/http/openapi.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "gateways/http/render.hpp"
#include "gateways/http/routes.hpp"

namespace gateways::http {
namespace {

using json = nlohmann::ordered_json;
using protocol::error_code;

json reference(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

json media_content(const route& r, media form) {
  if (form == media::json)
    return {{"schema", r.answers.empty() ? json{{"type", "object"}} : reference(r.answers)}};
  if (form == media::text) return {{"schema", {{"type", "string"}}}};
  // A stream of events, one a line or message; of an execution's, whatever else the route answers.
  bool own = r.answers == "NodeEvent" || r.answers == "Change";
  auto line = own ? r.answers : std::string_view("Event");
  return {{"schema", reference(line)}};
}

json success(const route& r, int status) {
  if (status == 204) return {{"description", std::string(reason_of(status))}};
  json out{{"description", std::string(reason_of(status))}, {"content", json::object()}};
  for (auto form : r.forms) {
    if (status == 202 && form != media::json) continue;
    out["content"][std::string(name_of(form))] = media_content(r, form);
  }
  return out;
}

std::set<error_code> errors_of(const route& r) {
  using enum error_code;
  std::set<error_code> out(r.errors.begin(), r.errors.end());
  out.insert({malformed_request, host_not_allowed, origin_not_allowed});
  if (!r.open) out.insert(unauthorized);
  if (r.makes_work()) out.insert({rate_limited, starting, draining, unavailable});
  if (r.takes_bytes) out.insert({body_too_large, length_required});
  if (r.takes_nothing()) out.insert({malformed_json, invalid_field});
  if (!r.body) return out;
  out.insert({malformed_json, body_too_large, unsupported_media_type, invalid_field});
  for (const auto& f : r.body->fields)
    if (f.required) out.insert(length_required);
  return out;
}

void add_errors(json& responses, const route& r) {
  std::map<int, std::string> by_status;
  for (auto code : errors_of(r)) {
    const auto& row = protocol::describe(code);
    auto& text = by_status[row.http_status];
    if (!text.empty()) text += " ";
    text += "`" + std::string(row.name) + "`: " + std::string(row.title) + ".";
  }
  for (const auto& [status, text] : by_status)
    responses[std::to_string(status)] = {
        {"description", text},
        {"content", {{"application/problem+json", {{"schema", reference("Problem")}}}}}};
  if (!r.failing.empty())
    responses["503"] = {{"description", "It is not so"},
                        {"content", {{"application/json", {{"schema", reference(r.failing)}}}}}};
}

json parameter(std::string_view name, std::string_view in, std::string_view type,
               std::string_view doc) {
  return {{"name", name},
          {"in", in},
          {"required", in == "path"},
          {"description", doc},
          {"schema", {{"type", type}}}};
}

json parameters_of(const route& r) {
  auto out = json::array();
  for (auto at = r.pattern.find('{'); at != std::string_view::npos;
       at = r.pattern.find('{', at + 1)) {
    auto name = r.pattern.substr(at + 1, r.pattern.find('}', at) - at - 1);
    auto path = r.tail && name == "path";
    out.push_back(parameter(name, "path", "string",
                            !path          ? "The id."
                            : r.hands_over ? "What Chromium's own port has there."
                                           : "In the workspace; its slashes stand as they are."));
  }
  for (const auto& q : r.queries) out.push_back(parameter(q.name, "query", q.type, q.doc));
  if (r.forms.size() < 2) return out;
  out.push_back(parameter("Last-Event-ID", "header", "string",
                          "The id of the last event the client has seen."));
  if (r.body)
    out.push_back(parameter("Idempotency-Key", "header", "string",
                            "The same key and body within 24 h give the same execution."));
  return out;
}

json file_bytes() {
  return {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}};
}

void add_bytes(json& responses, int status) {
  responses[std::to_string(status)]["content"].update(file_bytes());
  responses["206"] = {{"description", "The range that was asked for"}, {"content", file_bytes()}};
  responses["304"] = {{"description", "The client has it already"}};
}

json operation(const route& r) {
  json out{{"operationId", r.id},
           {"tags", json::array({r.tag})},
           {"summary", r.summary},
           {"description", std::string(r.summary) + "."}};
  if (r.open) out["security"] = json::array();
  if (auto parameters = parameters_of(r); !parameters.empty()) out["parameters"] = parameters;
  if (r.body) {
    bool required = false;
    for (const auto& f : r.body->fields) required |= f.required;
    out["requestBody"] = {
        {"required", required},
        {"content", {{"application/json", {{"schema", reference(r.body->name)}}}}}};
  }
  if (r.takes_bytes) out["requestBody"] = {{"required", true}, {"content", file_bytes()}};
  json responses = json::object();
  responses[std::to_string(r.status)] = success(r, r.status);
  if (r.created) responses["201"] = success(r, 201);
  if (r.gives_bytes) add_bytes(responses, r.status);
  if (r.gives_archive)
    responses["200"]["content"] = {{"application/x-tar", {{"schema", json::object()}}}};
  if (r.hands_over) {
    responses["101"] = {{"description", "A WebSocket"}};
    responses["200"]["content"]["application/json"] = {{"schema", json::object()}};
  }
  if (r.accepted) responses["202"] = success(r, 202);
  add_errors(responses, r);
  out["responses"] = responses;
  return out;
}

json components(const std::vector<route>& routes) {
  auto schemas = json::parse(answer_schemas());
  for (const auto& r : routes)
    if (r.body) schemas[std::string(r.body->name)] = protocol::http::to_json_schema(*r.body);
  return {{"securitySchemes",
           {{"token",
             {{"type", "http"},
              {"scheme", "bearer"},
              {"description", "The token in `DATA_DIR/token`."}}}}},
          {"schemas", schemas}};
}

std::string lower_name(method m) {
  std::string out(name_of(m));
  for (char& c : out) c = static_cast<char>(c + 32);
  return out;
}

}  // namespace

std::string openapi_json(const std::vector<route>& routes, std::string_view version) {
  json out{{"openapi", "3.1.0"},
           {"info",
            {{"title", "Troupe"},
             {"version", version},
             {"description",
              "Kernels that remember, with a supervisor: code in, numbered events "
              "and a typed end out. Errors are `application/problem+json`."},
             {"license", {{"name", "MIT"}, {"identifier", "MIT"}}}}},
           {"servers", json::array({{{"url", "/"}, {"description", "This daemon"}}})},
           {"security", json::array({{{"token", json::array()}}})},
           {"tags", json::array()},
           {"paths", json::object()}};
  for (const auto& tag : all_tags())
    out["tags"].push_back({{"name", tag.name}, {"description", tag.doc}});
  for (const auto& r : routes)
    out["paths"][std::string(r.pattern)][lower_name(r.verb)] = operation(r);
  out["components"] = components(routes);
  return out.dump();
}

}  // namespace gateways::http
