// The shapes of answers, as /openapi.json shows them. What they are made from is in
// protocol/resource.cpp and the handlers; a system test holds real answers against these.
#include "gateways/http/openapi.hpp"

namespace gateways::http {

namespace {

constexpr std::string_view schemas = R"json({
"Problem": {"type": "object", "description": "An error (RFC 9457). Some codes add members.",
  "required": ["type", "title", "status", "detail", "code", "request_id", "retryable"],
  "properties": {"type": {"type": "string"}, "title": {"type": "string"},
    "status": {"type": "integer"}, "detail": {"type": "string"}, "code": {"type": "string"},
    "request_id": {"type": "string"}, "retryable": {"type": "boolean"},
    "errors": {"type": "array", "items": {"type": "object", "properties": {
      "pointer": {"type": "string"}, "detail": {"type": "string"}}}}}},
"Root": {"type": "object", "properties": {"service": {"type": "string"},
  "version": {"type": "string"}, "status": {"enum": ["starting", "ok", "draining"]}}},
"Liveness": {"type": "object", "properties": {"status": {"const": "alive"}}},
"Readiness": {"type": "object", "properties": {"status": {"const": "ready"},
  "durable": {"type": "boolean"}, "reason": {"type": "string"},
  "isolation": {"$ref": "#/components/schemas/Isolation"}}},
"Isolation": {"type": "object", "properties": {
  "level": {"enum": ["none", "process", "namespaces", "full"]},
  "missing": {"type": "array", "items": {"type": "string"}}}},
"Cause": {"type": ["object", "null"], "description": "Why something came to its end.",
  "properties": {"kind": {"type": "string"}, "signal": {"type": ["string", "null"]},
    "exit_code": {"type": ["integer", "null"]}, "limit": {"type": ["string", "null"]},
    "detail": {"type": ["string", "null"]}}},
"SupervisedPart": {"type": "object", "properties": {"name": {"type": "string"},
  "path": {"type": "string"}, "state": {"type": "string"}, "generation": {"type": "integer"},
  "restarts": {"type": "integer"}, "last_cause": {"$ref": "#/components/schemas/Cause"},
  "uptime_s": {"type": "number"}, "policy": {"type": "object"},
  "isolation": {"$ref": "#/components/schemas/Isolation"},
  "children": {"type": "array", "items": {"$ref": "#/components/schemas/SupervisedPart"}}}},
"KernelStatus": {"type": "object", "properties": {"success": {"type": "boolean"},
  "kernel_alive": {"type": "boolean"}, "kernel_pid": {"type": ["integer", "null"]},
  "connection_file": {"type": ["string", "null"]}, "client_connected": {"type": "boolean"}}},
"KernelConnection": {"type": "object", "properties": {"success": {"type": "boolean"},
  "connection_file": {"type": ["string", "null"]}, "connection_info": {"type": ["object", "null"]},
  "kernel_alive": {"type": "boolean"}, "kernel_pid": {"type": ["integer", "null"]}}},
"KernelConnectionFile": {"type": "object", "properties": {"success": {"type": "boolean"},
  "connection_file": {"type": ["string", "null"]}, "kernel_alive": {"type": "boolean"}}},
"KernelReset": {"type": "object", "properties": {"success": {"type": "boolean"},
  "message": {"type": "string"}, "data": {"type": "object", "properties": {
    "old_connection_file": {"type": ["string", "null"]},
    "new_connection_file": {"type": ["string", "null"]}}}}},
"KernelInterrupt": {"type": "object", "properties": {"success": {"type": "boolean"},
  "message": {"type": "string"}, "data": {"type": "object", "properties": {
    "kernel_pid": {"type": ["integer", "null"]}}}}},
"Limits": {"type": "object", "properties": {"memory_bytes": {"type": "integer"},
  "processes": {"type": "integer"}, "cpus": {"type": "number"},
  "disk_bytes": {"type": "integer"}, "tmp_bytes": {"type": "integer"},
  "open_files": {"type": "integer"},
  "output_bytes": {"type": "integer"}, "steps_per_turn": {"type": "integer"},
  "timeout_s_max": {"type": ["number", "null"]}, "kernels_max": {"type": "integer"}}},
"Limit": {"type": "object",
  "description": "Null: no limit, no sum to tell, nothing that holds it. `watch` is softer.",
  "properties": {"limit": {"type": ["number", "null"]}, "used": {"type": ["number", "null"]},
    "remaining": {"type": ["number", "null"]},
    "held_by": {"enum": ["control_group", "watch", "resource_limit", "mount", "daemon", null]},
    "last_refusal": {"type": ["object", "null"], "properties": {
      "at": {"type": "string", "format": "date-time"}, "measure": {"type": "number"},
      "action": {"enum": ["refused", "interrupted", "killed"]}}}}},
"SandboxLimits": {"type": "object", "description": "By the limit's name.",
  "additionalProperties": {"$ref": "#/components/schemas/Limit"}},
"Sandbox": {"type": "object", "required": ["id", "mode", "state", "kernels"], "properties": {
  "id": {"type": "string"}, "mode": {"enum": ["agent", "chat"]},
  "state": {"enum": ["starting", "ready", "failed", "closing"]},
  "cause": {"$ref": "#/components/schemas/Cause"},
  "created_at": {"type": ["string", "null"], "format": "date-time"},
  "expires_at": {"type": ["string", "null"], "format": "date-time"},
  "limits": {"$ref": "#/components/schemas/Limits"}, "labels": {"type": "object"},
  "kernels": {"type": "array", "items": {"type": "string"}}, "workspace": {"type": "string"},
  "ttl_s": {"type": ["number", "null"]}, "idle_s": {"type": ["number", "null"]}}},
"SandboxList": {"type": "object", "properties": {"sandboxes": {"type": "array",
  "items": {"$ref": "#/components/schemas/Sandbox"}}}},
"Turn": {"type": "object", "properties": {"turn_id": {"type": "string"},
  "steps_limit": {"type": ["integer", "null"]}, "steps_used": {"type": "integer"}}},
"Kernel": {"type": "object", "required": ["id", "sandbox_id", "state", "generation"],
  "properties": {"id": {"type": "string"}, "sandbox_id": {"type": "string"},
  "state": {"enum": ["starting", "idle", "busy", "restarting", "failed"]},
  "generation": {"type": "integer"}, "restarts": {"type": "integer"},
  "pid": {"type": ["integer", "null"]}, "spec": {"type": "string"}, "queue": {"type": "integer"},
  "last_cause": {"$ref": "#/components/schemas/Cause"},
  "started_at": {"type": ["string", "null"], "format": "date-time"},
  "last_activity": {"type": ["string", "null"], "format": "date-time"},
  "connection_file": {"type": ["string", "null"]}, "running": {"type": ["string", "null"]}}},
"KernelList": {"type": "object", "properties": {"kernels": {"type": "array",
  "items": {"$ref": "#/components/schemas/Kernel"}}}},
"Usage": {"type": ["object", "null"], "properties": {"cpu_ms": {"type": "number"},
  "memory_peak_bytes": {"type": "integer"}}},
"Execution": {"type": "object", "required": ["id", "sandbox_id", "kernel_id", "state"],
  "description": "`status` and what follows from it are null until the state is `ended`.",
  "properties": {"id": {"type": "string"}, "sandbox_id": {"type": "string"},
  "kernel_id": {"type": "string"}, "generation": {"type": ["integer", "null"]},
  "state": {"enum": ["queued", "running", "ended"]},
  "status": {"enum": ["ok", "error", "interrupted", "timeout", "memory_limit", "output_limit",
    "kernel_died", "cancelled", "node_lost", "shutdown", null]},
  "cause": {"$ref": "#/components/schemas/Cause"}, "state_preserved": {"type": ["boolean", "null"]},
  "execution_count": {"type": ["integer", "null"]}, "duration_ms": {"type": ["number", "null"]},
  "queued_at": {"type": ["string", "null"], "format": "date-time"},
  "started_at": {"type": ["string", "null"], "format": "date-time"},
  "ended_at": {"type": ["string", "null"], "format": "date-time"},
  "last_event": {"type": "integer"}, "text": {"type": "string"},
  "outputs": {"type": "array", "description": "nbformat v4", "items": {"type": "object"}},
  "images": {"type": "array", "items": {"type": "object", "properties": {
    "mime": {"type": "string"}, "data": {"type": "string"}}}},
  "error": {"type": ["object", "null"]}, "truncated": {"type": ["object", "null"]},
  "usage": {"$ref": "#/components/schemas/Usage"}, "turn_id": {"type": ["string", "null"]},
  "labels": {"type": "object"}}},
"Event": {"type": "object", "required": ["n", "type", "at", "execution_id", "data"],
  "description": "`n` counts from 1 without gaps; `ended` is last, always there, once.",
  "properties": {"n": {"type": "integer"}, "type": {"enum": ["status", "execute_input", "stream",
    "display_data", "update_display_data", "execute_result", "clear_output", "error",
    "input_request", "interrupt", "kernel_restarting", "truncated", "ended"]},
  "at": {"type": "string", "format": "date-time"}, "execution_id": {"type": "string"},
  "generation": {"type": "integer"}, "data": {"type": "object"}}},
"NodeEvent": {"type": "object", "required": ["n", "type", "at", "data"],
  "properties": {"n": {"type": "integer"}, "type": {"type": "string"},
  "at": {"type": "string", "format": "date-time"}, "data": {"type": "object"}}}
})json";

}  // namespace

std::string_view answer_schemas() noexcept {
  return schemas;
}

}  // namespace gateways::http
