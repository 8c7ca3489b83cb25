#include "protocol/cdp/message.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/json.hpp"
#include "protocol/json_scanner.hpp"

namespace protocol::cdp {
namespace {

using namespace std::literals;

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.size() > 1) out += ',';
  out += '"';
  out += name;
  out += "\":";
  out += value;
}

std::string close(std::string out, std::string_view session_id) {
  if (!session_id.empty()) append_member(out, "sessionId", json_string(session_id));
  out += '}';
  return out;
}

std::string begin_with_id(std::int64_t id) {
  std::string out = "{";
  append_member(out, "id", std::to_string(id));
  return out;
}

std::string error_object(error_code code, std::string_view what) {
  return "{\"code\":" + std::to_string(static_cast<int>(code)) +
         ",\"message\":" + json_string(what) + "}";
}

no_command invalid(std::optional<std::int32_t> id, std::string_view what,
                   error_code code = error_code::invalid_request) {
  if (id) return {error_text(*id, code, what, {})};
  std::string out = "{";
  append_member(out, "error", error_object(code, what));
  return {close(std::move(out), {})};
}

/// Absent and null are the same to Chromium.
bool is_given(std::string_view value) {
  return !value.empty() && value != "null";
}

std::optional<std::int32_t> integer(std::string_view value) {
  std::int32_t id = 0;
  auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), id);
  if (value.empty() || failed != std::errc() || end != value.data() + value.size()) return {};
  return id;
}

}  // namespace

std::variant<command, no_command> parse_command(std::string_view text) {
  if (auto scan = scan_json(text, depth_max); scan.why)
    return invalid({}, "JSON: "s + scan.why + " at position " + std::to_string(scan.at),
                   error_code::parse_error);
  auto begin = text.find_first_not_of(" \t\r\n");
  if (text[begin] != '{') return invalid({}, "Message must be an object");
  std::string_view id, method, params, session, other;
  json_each(text, [&](std::string_view name, std::string_view value) {
    auto is = json_text(name);
    (is == "id"          ? id
     : is == "method"    ? method
     : is == "params"    ? params
     : is == "sessionId" ? session
                         : other) = value;
  });
  auto number = integer(id);
  if (!number) return invalid({}, "Message must have integer 'id' property");
  if (!is_json_string(method)) return invalid(number, "Message must have string 'method' property");
  if (is_given(params) && params.front() != '{')
    return invalid(number, "Message may have object 'params' property");
  if (is_given(session) && !is_json_string(session))
    return invalid(number, "Message may have string 'sessionId' property");
  if (!other.empty())
    return invalid(number, "Message has property other than 'id', 'method', 'sessionId', 'params'");
  return command{*number, method, is_given(params) ? params : std::string_view(),
                 is_given(session) ? json_text(session) : std::string()};
}

message read_message(std::string_view text) {
  static constexpr std::string_view names[] = {"id",     "method", "params",
                                               "result", "error",  "sessionId"};
  std::string_view values[std::size(names)];
  json_members(text, names, values);
  return {values[0], values[1], values[2], values[3], values[4], json_text(values[5])};
}

std::string command_text(std::int64_t id, std::string_view quoted_method, std::string_view params,
                         std::string_view session_id) {
  auto out = begin_with_id(id);
  out.reserve(params.size() + quoted_method.size() + session_id.size() + 64);
  append_member(out, "method", quoted_method);
  if (!params.empty()) append_member(out, "params", params);
  return close(std::move(out), session_id);
}

std::string reply_text(std::int64_t id, const message& with, std::string_view session_id) {
  auto out = begin_with_id(id);
  auto failed = !with.error.empty();
  auto value = failed ? with.error : with.result;
  out.reserve(value.size() + session_id.size() + 64);
  append_member(out, failed ? "error" : "result", value.empty() ? "{}" : value);
  return close(std::move(out), session_id);
}

std::string event_text(const message& m, std::string_view session_id) {
  std::string out = "{";
  out.reserve(m.params.size() + m.method.size() + session_id.size() + 64);
  append_member(out, "method", m.method);
  append_member(out, "params", m.params.empty() ? "{}" : m.params);
  return close(std::move(out), session_id);
}

std::string result_text(std::int64_t id, std::string_view result, std::string_view session_id) {
  auto out = begin_with_id(id);
  append_member(out, "result", result);
  return close(std::move(out), session_id);
}

std::string error_text(std::int64_t id, error_code code, std::string_view what,
                       std::string_view session_id) {
  auto out = begin_with_id(id);
  append_member(out, "error", error_object(code, what));
  return close(std::move(out), session_id);
}

}  // namespace protocol::cdp
