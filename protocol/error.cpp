#include "protocol/error.hpp"

#include <array>

namespace protocol {
namespace {

using enum error_code;

constexpr std::array table{
    error_row{malformed_request, "malformed_request", 400, false, "The request is malformed",
              "Correct the request line, a header, the path or the query."},
    error_row{malformed_json, "malformed_json", 400, false, "The body is not valid JSON",
              "Send one JSON object in UTF-8."},
    error_row{unauthorized, "unauthorized", 401, false, "A valid token is needed",
              "Send `Authorization: Bearer TOKEN`; the token is in `DATA_DIR/token`."},
    error_row{host_not_allowed, "host_not_allowed", 403, false, "The Host header is not allowed",
              "Use an address the daemon listens on, or add the name to `http.allowed_hosts`."},
    error_row{origin_not_allowed, "origin_not_allowed", 403, false, "The Origin is not allowed",
              "Add the origin to `http.allowed_origins`."},
    error_row{path_escapes, "path_escapes", 403, false, "The path leaves the workspace",
              "Use a path below the workspace, without `..` and without links that lead out."},
    error_row{zone_read_only, "zone_read_only", 403, false, "The zone cannot be written",
              "The member `zone` names it; write to `output/`."},
    error_row{zone_append_only, "zone_append_only", 403, false, "The zone can only be appended to",
              "Use `POST /v1/sandboxes/{sandbox_id}/fs/append`."},
    error_row{url_refused, "url_refused", 403, false, "The address is not for a sandbox's browser",
              "Use an http, https, data or about:blank address."},
    error_row{route_not_found, "route_not_found", 404, false, "There is no such route",
              "See `/openapi.json` for the routes."},
    error_row{sandbox_not_found, "sandbox_not_found", 404, false, "There is no such sandbox",
              "List them with `GET /v1/sandboxes`."},
    error_row{kernel_not_found, "kernel_not_found", 404, false, "There is no such kernel",
              "List them with `GET /v1/sandboxes/{sandbox_id}/kernels`."},
    error_row{execution_not_found, "execution_not_found", 404, false, "There is no such execution",
              "It may be older than the journal's retention."},
    error_row{turn_not_found, "turn_not_found", 404, false, "There is no such turn",
              "Begin one with `POST /v1/sandboxes/{sandbox_id}/turns`; only the latest is open."},
    error_row{file_not_found, "file_not_found", 404, false, "There is no such file or folder",
              "List the folder with `GET /v1/sandboxes/{sandbox_id}/fs/list`."},
    error_row{page_not_found, "page_not_found", 404, false, "There is no such page",
              "List them with `GET /v1/sandboxes/{sandbox_id}/browser/pages`."},
    error_row{method_not_allowed, "method_not_allowed", 405, false,
              "The route does not have this method", "See the `Allow` header."},
    error_row{not_acceptable, "not_acceptable", 406, false, "No form of the answer is acceptable",
              "Accept one of the types the detail names."},
    error_row{request_timeout, "request_timeout", 408, true, "The request came too slowly",
              "Send header and body within the limits of `http.*`."},
    error_row{wrong_state, "wrong_state", 409, false, "The state does not allow this",
              "The detail names the state; a failed kernel can be restarted."},
    error_row{already_exists, "already_exists", 409, false, "The id is taken",
              "Choose another id, or use what exists."},
    error_row{stale_ref, "stale_ref", 409, false, "The element is not there any more",
              "The member `snapshot` shows the page as it is now, with new refs."},
    error_row{not_actionable, "not_actionable", 409, false, "The element cannot take the action",
              "The detail says what stands in the way, such as what covers it."},
    error_row{page_crashed, "page_crashed", 409, false, "The page has crashed",
              "Reload it, or navigate it."},
    error_row{dialog_open, "dialog_open", 409, false, "The page shows a dialog",
              "The member `dialog` says which; answer it with the action `dialog`."},
    error_row{length_required, "length_required", 411, false, "The length of the body is needed",
              "Send Content-Length or chunked encoding."},
    error_row{precondition_failed, "precondition_failed", 412, false, "The file is another by now",
              "Read it again, then decide; the member `etag` is what it has now."},
    error_row{body_too_large, "body_too_large", 413, false, "The body is too large",
              "The member `limit_bytes` says how much is taken."},
    error_row{uri_too_long, "uri_too_long", 414, false, "The request target is too long",
              "Shorten the path or the query."},
    error_row{unsupported_media_type, "unsupported_media_type", 415, false,
              "The body's type is not supported", "Send `application/json`."},
    error_row{range_not_satisfiable, "range_not_satisfiable", 416, false,
              "The range lies beyond the file's end", "The header `Content-Range` has the size."},
    error_row{invalid_field, "invalid_field", 422, false, "A field is wrong",
              "The member `errors` names each field by JSON pointer."},
    error_row{element_not_found, "element_not_found", 422, false, "No element matches the target",
              "Take a snapshot, and name an element by a ref of it."},
    error_row{javascript_error, "javascript_error", 422, false, "The script raised an error",
              "The detail is what it raised."},
    error_row{navigation_failed, "navigation_failed", 422, false, "The address cannot be reached",
              "The member `error` is the browser's word for why."},
    error_row{idempotency_mismatch, "idempotency_mismatch", 422, false,
              "The Idempotency-Key was used with another body", "Use a new key."},
    error_row{queue_full, "queue_full", 429, true, "The queue is full",
              "Wait as long as `Retry-After` says; executions may use another kernel."},
    error_row{rate_limited, "rate_limited", 429, true, "Too many requests",
              "Wait as long as `Retry-After` says."},
    error_row{execution_limit, "execution_limit", 429, true, "Too many executions at once",
              "Wait for one to end; the members say what the limit is."},
    error_row{step_limit, "step_limit", 429, false, "The turn has no steps left",
              "Begin a new turn."},
    error_row{sandbox_limit, "sandbox_limit", 429, true, "Too many sandboxes",
              "Delete one, or raise `sandbox.max`."},
    error_row{kernel_limit, "kernel_limit", 429, true, "Too many kernels in the sandbox",
              "Delete one, or raise `kernel.max_per_sandbox`."},
    error_row{header_too_large, "header_too_large", 431, false, "The header is too large",
              "The member `limit_bytes` says how much is taken."},
    error_row{internal, "internal", 500, false, "The daemon failed",
              "Report it with the request_id; the log has the cause."},
    error_row{starting, "starting", 503, true, "The daemon is starting",
              "Wait as long as `Retry-After` says."},
    error_row{draining, "draining", 503, true, "The daemon is shutting down",
              "Use another node, or wait for the next start."},
    error_row{unavailable, "unavailable", 503, true,
              "The part that answers this is being restarted",
              "Wait as long as `Retry-After` says."},
    error_row{browser_restarted, "browser_restarted", 503, true, "The browser ended or is starting",
              "Wait as long as `Retry-After` says; pages come back by the same ids."},
    error_row{timed_out, "timed_out", 504, true, "The answer did not come in time",
              "Ask for the state of what was requested, then decide."},
    error_row{disk_full, "disk_full", 507, true, "The disk is full", "Free some space."},
    error_row{disk_quota, "disk_quota", 507, false, "The workspace holds more than it may",
              "Delete files in it, or raise `disk_bytes` by PATCH on the sandbox's limits."},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].code) != i + 1) return false;
  return true;
}
static_assert(in_order() && table.size() == static_cast<std::size_t>(disk_quota));

}  // namespace

std::span<const error_row> error_table() noexcept {
  return table;
}

const error_row& describe(error_code code) noexcept {
  auto index = static_cast<std::size_t>(code) - 1;
  return index < table.size() ? table[index] : table[static_cast<std::size_t>(internal) - 1];
}

std::string to_string(error_code code) {
  return std::string(describe(code).name);
}

}  // namespace protocol
