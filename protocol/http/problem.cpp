#include "protocol/http/problem.hpp"

#include "protocol/json.hpp"

namespace protocol::http {
namespace {

constexpr std::string_view page_head = R"(# Errors

Every error over HTTP is `application/problem+json` (RFC 9457) with the members `type` (this page's
entry), `title`, `status`, `detail` (what was found, and where), `code`, `request_id` (also in the
header `X-Request-Id`) and `retryable`: whether the same request may succeed later, unchanged. Some
codes add members of their own; `invalid_field` has `errors`, a list of `{pointer, detail}`. 429 and
503 carry `Retry-After`. The same code stands for the same fault in every protocol.

This page is made from the table in `protocol/error.cpp`; a test compares them.

| code | status | retryable |
| --- | --- | --- |
)";

}  // namespace

std::string problem_json(const fault& f, std::string_view request_id) {
  const auto& row = describe(f.code);
  std::string out;
  out.reserve(256 + f.detail.size() + f.members.size());
  out.append("{\"type\":\"/docs/errors#").append(row.name).append("\",\"title\":");
  append_json_string(out, row.title);
  out.append(",\"status\":").append(std::to_string(row.http_status)).append(",\"detail\":");
  append_json_string(out, f.detail.empty() ? row.title : std::string_view(f.detail));
  out.append(",\"code\":\"").append(row.name).append("\"");
  if (!request_id.empty()) append_json_string(out.append(",\"request_id\":"), request_id);
  out.append(",\"retryable\":").append(row.retryable ? "true" : "false");
  std::string_view members = f.members;
  if (members.size() > 2 && members.front() == '{' && members.back() == '}') {
    out += ',';
    out.append(members.substr(1));
  } else {
    out += '}';
  }
  return out;
}

fault invalid_fields(const std::vector<violation>& violations) {
  fault f{error_code::invalid_field, {}, {}, 0};
  auto errors = nlohmann::ordered_json::array();
  for (const auto& v : violations) {
    if (!f.detail.empty()) f.detail += "; ";
    f.detail.append(v.pointer.empty() ? "the body" : v.pointer).append(": ").append(v.detail);
    errors.push_back({{"pointer", v.pointer}, {"detail", v.detail}});
  }
  using nlohmann::ordered_json;
  f.members = ordered_json({{"errors", errors}})
                  .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return f;
}

std::string errors_page() {
  std::string out(page_head);
  for (const auto& row : error_table()) {
    out.append("| [`").append(row.name).append("`](#").append(row.name).append(") | ");
    out.append(std::to_string(row.http_status)).append(row.retryable ? " | yes |\n" : " | no |\n");
  }
  for (const auto& row : error_table()) {
    out.append("\n## ").append(row.name).append("\n\n");
    out.append(row.title).append(". ").append(row.doc).append("\n");
  }
  return out;
}

}  // namespace protocol::http
