#include "gateways/http/routes.hpp"

#include <span>

#include "gateways/http/handlers.hpp"

namespace gateways::http {
namespace {

using protocol::http::request_rules;
using enum protocol::error_code;

const std::vector<media> execution_forms{media::json, media::ndjson, media::sse};
const std::vector<media> event_forms{media::ndjson, media::sse};
const std::vector<media> node_event_forms{media::sse, media::ndjson};

constexpr tag_doc tags[] = {
    {"node", "The daemon itself: is it alive, is it ready, what does it count."},
    {"kernel",
     "The kernel `main` of the sandbox `default`, in the shapes of a plain control plane."},
    {"sandboxes", "Sandboxes and their turns."},
    {"kernels", "Kernels of a sandbox."},
    {"executions", "Pieces of code, their events and their ends."},
    {"commands", "Programs run in a sandbox beside its kernels, in the forms of an execution."},
    {"browser", "The browser of a sandbox, over the Chrome DevTools Protocol."},
    {"files", "The workspace of a sandbox: bytes, folders, texts, searches."},
};

const query_doc wait_query{"wait", "boolean",
                           "false: answer 202 at once with the resource as it is"};

void add_node_routes(std::vector<route>& to) {
  using enum method;
  to.push_back({get, "/", "getRoot", "node", "Who answers", get_root, 200, "Root"});
  to.push_back({.verb = get,
                .pattern = "/livez",
                .id = "getLivez",
                .tag = "node",
                .summary = "Whether the process answers",
                .handle = get_livez,
                .answers = "Liveness",
                .open = true});
  to.push_back({.verb = get,
                .pattern = "/readyz",
                .id = "getReadyz",
                .tag = "node",
                .summary = "Whether new work is taken, and kept durably",
                .handle = get_readyz,
                .answers = "Readiness",
                .errors = {starting, draining},
                .open = true});
  to.push_back({.verb = get,
                .pattern = "/metrics",
                .id = "getMetrics",
                .tag = "node",
                .summary = "Counters in the Prometheus text format",
                .handle = get_metrics,
                .forms = {media::text}});
  to.push_back({get, "/openapi.json", "getOpenapi", "node", "This description", get_openapi});
  to.push_back({get, "/v1/supervisor", "getSupervisor", "node", "The tree of supervised parts",
                get_supervisor, 200, "SupervisedPart"});
  to.push_back({.verb = get,
                .pattern = "/v1/events",
                .id = "followNode",
                .tag = "node",
                .summary = "Events of the node, from a number on, without end",
                .handle = get_node_events,
                .answers = "NodeEvent",
                .forms = node_event_forms,
                .queries = {{"from", "integer", "The first event's number; 0: only those to come"}},
                .errors = {not_acceptable, invalid_field}});
}

void add_kernel_main_routes(std::vector<route>& to) {
  using enum method;
  to.push_back({.verb = get,
                .pattern = "/health",
                .id = "getHealth",
                .tag = "kernel",
                .summary = "As /kernel/status, but 503 when the kernel is dead",
                .handle = get_health,
                .answers = "KernelStatus",
                .failing = "KernelStatus"});
  to.push_back({get, "/kernel/status", "getKernelStatus", "kernel", "Whether the kernel is alive",
                get_kernel_status, 200, "KernelStatus"});
  to.push_back({get, "/kernel/connection", "getKernelConnection", "kernel",
                "The connection file's content, for Jupyter clients", get_kernel_connection, 200,
                "KernelConnection"});
  to.push_back({get, "/kernel/connection-file", "getKernelConnectionFile", "kernel",
                "Where the connection file is", get_kernel_connection_file, 200,
                "KernelConnectionFile"});
  to.push_back({get, "/kernel/debug", "getKernelDebug", "kernel", "What helps to find a fault",
                get_kernel_debug});
  to.push_back({.verb = post,
                .pattern = "/kernel/reset",
                .id = "resetKernel",
                .tag = "kernel",
                .summary = "Restart the kernel, and wait until it is ready",
                .handle = post_kernel_reset,
                .answers = "KernelReset",
                .errors = {kernel_not_found, wrong_state, timed_out}});
  to.push_back({.verb = post,
                .pattern = "/kernel/interrupt",
                .id = "interruptKernelMain",
                .tag = "kernel",
                .summary = "Interrupt what the kernel runs",
                .handle = post_kernel_interrupt,
                .answers = "KernelInterrupt",
                .errors = {kernel_not_found, wrong_state},
                .in_drain = true});
}

void add_sandbox_routes(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  to.push_back({get, "/v1/sandboxes", "listSandboxes", "sandboxes", "All sandboxes", list_sandboxes,
                200, "SandboxList"});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes",
                .id = "createSandbox",
                .tag = "sandboxes",
                .summary = "Make a sandbox",
                .handle = create_sandbox,
                .status = 201,
                .answers = "Sandbox",
                .body = &rules.sandbox,
                .errors = {already_exists, sandbox_limit, disk_full}});
  to.push_back({.verb = get,
                .pattern = "/v1/sandboxes/{sandbox_id}",
                .id = "getSandbox",
                .tag = "sandboxes",
                .summary = "One sandbox",
                .handle = get_sandbox,
                .answers = "Sandbox",
                .errors = {sandbox_not_found}});
  to.push_back({.verb = del,
                .pattern = "/v1/sandboxes/{sandbox_id}",
                .id = "deleteSandbox",
                .tag = "sandboxes",
                .summary = "End a sandbox and forget its workspace",
                .handle = delete_sandbox,
                .status = 204,
                .errors = {sandbox_not_found, wrong_state}});
  to.push_back({.verb = get,
                .pattern = "/v1/sandboxes/{sandbox_id}/limits",
                .id = "getLimits",
                .tag = "sandboxes",
                .summary = "Each limit: what is used, what remains, what was last refused",
                .handle = get_limits,
                .answers = "SandboxLimits",
                .errors = {sandbox_not_found, timed_out}});
  to.push_back({.verb = patch,
                .pattern = "/v1/sandboxes/{sandbox_id}/limits",
                .id = "changeLimits",
                .tag = "sandboxes",
                .summary = "Change limits; answered like GET, once they are in force",
                .handle = change_limits,
                .answers = "SandboxLimits",
                .body = &rules.limits,
                .errors = {sandbox_not_found, wrong_state, timed_out}});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/turns",
                .id = "beginTurn",
                .tag = "sandboxes",
                .summary = "Begin a turn: steps count from here",
                .handle = begin_turn,
                .status = 201,
                .answers = "Turn",
                .body = &rules.turn,
                .errors = {sandbox_not_found, wrong_state}});
}

void add_kernel_routes(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  constexpr std::string_view all = "/v1/sandboxes/{sandbox_id}/kernels";
  constexpr std::string_view one = "/v1/sandboxes/{sandbox_id}/kernels/{kernel_id}";
  to.push_back({.verb = get,
                .pattern = all,
                .id = "listKernels",
                .tag = "kernels",
                .summary = "The sandbox's kernels",
                .handle = list_kernels,
                .answers = "KernelList",
                .errors = {sandbox_not_found}});
  to.push_back({.verb = post,
                .pattern = all,
                .id = "createKernel",
                .tag = "kernels",
                .summary = "Make a kernel",
                .handle = create_kernel,
                .status = 201,
                .answers = "Kernel",
                .body = &rules.kernel,
                .errors = {sandbox_not_found, already_exists, wrong_state, kernel_limit}});
  to.push_back({.verb = get,
                .pattern = one,
                .id = "getKernel",
                .tag = "kernels",
                .summary = "One kernel",
                .handle = get_kernel,
                .answers = "Kernel",
                .errors = {kernel_not_found}});
  to.push_back({.verb = del,
                .pattern = one,
                .id = "deleteKernel",
                .tag = "kernels",
                .summary = "End a kernel",
                .handle = delete_kernel,
                .status = 204,
                .errors = {kernel_not_found, wrong_state}});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/kernels/{kernel_id}/interrupt",
                .id = "interruptKernel",
                .tag = "kernels",
                .summary = "Interrupt what the kernel runs",
                .handle = interrupt_kernel,
                .status = 202,
                .answers = "Kernel",
                .errors = {kernel_not_found, wrong_state},
                .in_drain = true});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/kernels/{kernel_id}/restart",
                .id = "restartKernel",
                .tag = "kernels",
                .summary = "Restart the kernel: 202, or with `wait` 200 when it is ready",
                .handle = restart_kernel,
                .answers = "Kernel",
                .queries = {{"wait", "boolean", "true: answer when it is ready again"}},
                .errors = {kernel_not_found, wrong_state, timed_out, invalid_field},
                .accepted = true});
}

void add_execution_routes(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  const std::vector<protocol::error_code> refusals{
      sandbox_not_found, kernel_not_found, not_acceptable, wrong_state, idempotency_mismatch,
      queue_full,        execution_limit,  step_limit,     disk_quota};
  to.push_back({.verb = post,
                .pattern = "/execute",
                .id = "executeShort",
                .tag = "executions",
                .summary = "Run code in the sandbox `default`",
                .handle = execute_short,
                .answers = "Execution",
                .body = &rules.short_execution,
                .forms = execution_forms,
                .queries = {wait_query},
                .errors = refusals,
                .accepted = true});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/executions",
                .id = "execute",
                .tag = "executions",
                .summary = "Run code: wait for its end, or read its events as they come",
                .handle = execute,
                .answers = "Execution",
                .body = &rules.execution,
                .forms = execution_forms,
                .queries = {wait_query},
                .errors = refusals,
                .accepted = true});
}

void add_running_routes(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  to.push_back({.verb = get,
                .pattern = "/v1/executions/{execution_id}",
                .id = "getExecution",
                .tag = "executions",
                .summary = "An execution as it stands",
                .handle = get_execution,
                .answers = "Execution",
                .errors = {execution_not_found}});
  to.push_back({.verb = del,
                .pattern = "/v1/executions/{execution_id}",
                .id = "cancelExecution",
                .tag = "executions",
                .summary = "Cancel: 202, or 200 when it had ended already",
                .handle = cancel_execution,
                .answers = "Execution",
                .errors = {execution_not_found},
                .accepted = true,
                .in_drain = true});
  to.push_back({.verb = get,
                .pattern = "/v1/executions/{execution_id}/events",
                .id = "followExecution",
                .tag = "executions",
                .summary = "Its events from a number on, then live until `ended`",
                .handle = get_execution_events,
                .answers = "Event",
                .forms = event_forms,
                .queries = {{"from", "integer", "The first event's number, from 1"}},
                .errors = {execution_not_found, not_acceptable, invalid_field}});
  to.push_back({.verb = post,
                .pattern = "/v1/executions/{execution_id}/stdin",
                .id = "giveStdin",
                .tag = "executions",
                .summary = "Answer `input()`",
                .handle = post_stdin,
                .body = &rules.standard_input,
                .errors = {execution_not_found, wrong_state},
                .accepted = true,
                .in_drain = true});
}

void add_command_routes(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/commands",
                .id = "runCommand",
                .tag = "commands",
                .summary = "Run a command: wait for its end, or read its events as they come",
                .handle = execute,
                .answers = "Command",
                .body = &rules.command,
                .forms = execution_forms,
                .queries = {wait_query},
                .errors = {path_escapes, sandbox_not_found, not_acceptable, wrong_state,
                           idempotency_mismatch, execution_limit, step_limit, disk_quota},
                .accepted = true});
  to.push_back({.verb = get,
                .pattern = "/v1/commands/{command_id}",
                .id = "getCommand",
                .tag = "commands",
                .summary = "A command as it stands",
                .handle = get_execution,
                .answers = "Command",
                .errors = {execution_not_found}});
  to.push_back({.verb = del,
                .pattern = "/v1/commands/{command_id}",
                .id = "cancelCommand",
                .tag = "commands",
                .summary = "Kill it with all it started: 202, or 200 when it had ended already",
                .handle = cancel_execution,
                .answers = "Command",
                .errors = {execution_not_found},
                .accepted = true,
                .in_drain = true});
  to.push_back({.verb = get,
                .pattern = "/v1/commands/{command_id}/events",
                .id = "followCommand",
                .tag = "commands",
                .summary = "A command's events from a number on, then live until `ended`",
                .handle = get_execution_events,
                .answers = "Event",
                .forms = event_forms,
                .queries = {{"from", "integer", "The first event's number, from 1"}},
                .errors = {execution_not_found, not_acceptable, invalid_field}});
}

void add_command_input_routes(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  to.push_back({.verb = post,
                .pattern = "/v1/commands/{command_id}/stdin",
                .id = "feedCommand",
                .tag = "commands",
                .summary = "Write to its standard input, or end it",
                .handle = post_command_stdin,
                .answers = "Command",
                .body = &rules.command_input,
                .errors = {execution_not_found, wrong_state, queue_full},
                .in_drain = true});
  to.push_back({.verb = post,
                .pattern = "/v1/commands/{command_id}/resize",
                .id = "resizeCommand",
                .tag = "commands",
                .summary = "Set the size of its terminal",
                .handle = resize_command,
                .answers = "Command",
                .body = &rules.terminal_size,
                .errors = {execution_not_found, wrong_state},
                .in_drain = true});
}

}  // namespace

std::vector<route> make_routes(const request_rules& rules) {
  std::vector<route> out;
  add_node_routes(out);
  add_kernel_main_routes(out);
  add_execution_routes(out, rules);
  add_running_routes(out, rules);
  add_command_routes(out, rules);
  add_command_input_routes(out, rules);
  add_sandbox_routes(out, rules);
  add_kernel_routes(out, rules);
  add_browser_routes(out);
  add_file_routes(out, rules);
  return out;
}

std::span<const tag_doc> all_tags() noexcept {
  return tags;
}

}  // namespace gateways::http
