#include "protocol/http/request.hpp"

#include <algorithm>

#include "config/options.hpp"
#include "protocol/http/command_request.hpp"
#include "protocol/http/members.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"

namespace protocol::http {
namespace {

using nlohmann::json;

field code_field() {
  return {.name = "code",
          .kind = field_kind::string,
          .required = true,
          .doc = "Python source; lines of IPython (`%magic`, `!command`) are allowed."};
}

field timeout_field(double max_s) {
  return {.name = "timeout_s",
          .kind = field_kind::number,
          .min = 0,
          .max = max_s,
          .above_min = true,
          .doc = "Counts from the moment the code runs. Then: interrupt, grace, kill."};
}

field kernel_field() {
  return {.name = "kernel_id",
          .kind = field_kind::identifier,
          .fallback = "\"main\"",
          .doc = "The kernel of the sandbox it runs in."};
}

schema execution_schema(double max_s) {
  using enum field_kind;
  return {"ExecutionRequest",
          "A piece of code to run.",
          {code_field(),
           kernel_field(),
           timeout_field(max_s),
           {.name = "on_disconnect",
            .kind = choice,
            .fallback = "\"detach\"",
            .doc = "What becomes of it when the client that waits goes away.",
            .choices = {"detach", "cancel"}},
           {.name = "allow_stdin",
            .kind = boolean,
            .fallback = "false",
            .doc = "`input()` gives an event `input_request`, answered by POST .../stdin."},
           {.name = "silent",
            .kind = boolean,
            .fallback = "false",
            .doc = "No result, no history, no count."},
           {.name = "store_history", .kind = boolean, .fallback = "true"},
           {.name = "stop_on_error", .kind = boolean, .fallback = "true"},
           {.name = "user_expressions",
            .kind = string_map,
            .fallback = "{}",
            .doc = "Names to expressions that are evaluated after the code."},
           {.name = "turn_id",
            .kind = identifier,
            .doc = "The turn it is a step of; without one, the current turn."},
           {.name = "labels",
            .kind = string_map,
            .fallback = "{}",
            .doc = "Kept with the execution, for the client's own use."}}};
}

schema short_schema(double max_s) {
  return {"ShortExecutionRequest",
          "A piece of code to run in the sandbox `default`.",
          {code_field(), kernel_field(), timeout_field(max_s)}};
}

/// Of a limit, with the range of the option that configures it.
field limit_field(std::string_view name, std::string_view option, field_kind kind,
                  std::string_view doc) {
  auto range = config::find_option(option)->limits;
  return {.name = name, .kind = kind, .min = range.min, .max = range.max, .doc = doc};
}

schema limits_schema(const config::kernel_options& kernel) {
  using enum field_kind;
  auto kernels = static_cast<double>(kernel.max_per_sandbox);
  return {
      "LimitsRequest",
      "What the sandbox may use; what is left out is as configured.",
      {limit_field("memory_bytes", "limits.memory_bytes", integer, {}),
       limit_field("processes", "limits.processes", integer, "At once, threads included; 0: any."),
       limit_field("cpus", "limits.cpus", number, "Processors' worth of time; 0: any."),
       limit_field("disk_bytes", "limits.disk_bytes", integer,
                   "Of the workspace's files together; 0: any."),
       limit_field("tmp_bytes", "limits.tmp_bytes", integer,
                   "Of the /tmp of each workload, kept in its memory."),
       limit_field("open_files", "limits.open_files", integer, "Of one process."),
       limit_field("output_bytes", "limits.output_bytes", integer,
                   "Of one execution, kept in its event log."),
       limit_field("steps_per_turn", "sandbox.agent_steps_per_turn", integer, "0: unlimited."),
       {.name = "timeout_s_max",
        .kind = number,
        .max = static_cast<double>(kernel.timeout_ms_max) / 1e3,
        .above_min = true,
        .doc = "The largest time limit a request may ask for."},
       {.name = "kernels_max", .kind = integer, .min = 1, .max = kernels}}};
}

schema sandbox_schema(const config::kernel_options& kernel) {
  using enum field_kind;
  constexpr double year_s = 366.0 * 86'400;
  return {"SandboxRequest",
          "What the sandbox is made from.",
          {{.name = "id", .kind = identifier, .doc = "Made up when left out."},
           {.name = "mode",
            .kind = choice,
            .fallback = "\"agent\"",
            .doc = "`chat`: the workspace is wiped at each turn, and turns have few steps.",
            .choices = {"agent", "chat"}},
           {.name = "ttl_s",
            .kind = number,
            .max = year_s,
            .above_min = true,
            .doc = "From creation; left out: lives until it is deleted."},
           {.name = "idle_s",
            .kind = number,
            .max = year_s,
            .above_min = true,
            .doc = "Without an execution; left out: never expires by idleness."},
           {.name = "limits",
            .kind = object,
            .doc = "What it may use.",
            .members = std::make_shared<const schema>(limits_schema(kernel))},
           {.name = "labels", .kind = string_map, .fallback = "{}"}}};
}

}  // namespace

request_rules::request_rules(const config::kernel_options& k, const config::sandbox_options& s,
                             const config::limit_options& l)
    : timeout_ms(k.timeout_ms),
      timeout_ms_max(k.timeout_ms_max),
      chat_steps(s.chat_steps_per_turn),
      agent_steps(s.agent_steps_per_turn),
      limit{.memory_bytes = l.memory_bytes,
            .processes = l.processes,
            .cpus = l.cpus,
            .disk_bytes = l.disk_bytes,
            .tmp_bytes = l.tmp_bytes,
            .open_files = l.open_files,
            .output_bytes = l.output_bytes,
            .steps_per_turn = s.agent_steps_per_turn,
            .execution_ms_max = k.timeout_ms_max,
            .kernels_max = k.max_per_sandbox},
      execution(execution_schema(static_cast<double>(k.timeout_ms_max) / 1e3)),
      short_execution(short_schema(static_cast<double>(k.timeout_ms_max) / 1e3)),
      sandbox(sandbox_schema(k)),
      limits(limits_schema(k)),
      kernel{"KernelRequest",
             "The kernel to make.",
             {{.name = "id", .kind = field_kind::identifier, .doc = "Made up when left out."}}},
      turn{"TurnRequest", "What the agent's user said.", {{.name = "text"}}},
      standard_input{"StdinRequest",
                     "The line that `input()` is to return.",
                     {{.name = "value", .required = true}}},
      command(command_schema(static_cast<double>(k.timeout_ms_max) / 1e3)),
      command_input(command_input_schema()),
      terminal_size(terminal_size_schema()),
      nothing{"EmptyRequest", "An empty object, or no body.", {}} {}

limits request_rules::limits_of(sandbox_mode mode) const {
  auto out = limit;
  out.steps_per_turn = mode == sandbox_mode::chat ? chat_steps : agent_steps;
  return out;
}

result<json> read_body(std::string_view body, const schema& s) {
  json value = json::object();
  // No body is as good as an empty object where nothing is required.
  if (!body.empty() || std::ranges::any_of(s.fields, &field::required)) {
    auto parsed = parse_json(body);
    if (!parsed) return parsed.error();
    value = std::move(*parsed);
  }
  auto violations = validate(value, s);
  if (!violations.empty()) return invalid_fields(violations);
  return {boost::system::in_place_value, std::move(value)};
}

result<execution_request> read_execution(const json& body, const request_rules& rules,
                                         std::int64_t timeout_ms_max) {
  execution_request out;
  out.code = body.at("code").get<std::string>();
  out.kernel_id = value_or<std::string>(body, "kernel_id", "main");
  auto timeout = body.find("timeout_s");
  out.timeout_ms = timeout == body.end() || timeout->is_null()
                       ? std::min(rules.timeout_ms, timeout_ms_max)
                       : to_ms(timeout->get<double>());
  if (out.timeout_ms > timeout_ms_max)
    return invalid_fields({{"/timeout_s", "must be at most " + json(timeout_ms_max / 1e3).dump() +
                                              " in this sandbox"}});
  out.cancel_on_disconnect = value_or<std::string>(body, "on_disconnect", "detach") == "cancel";
  out.allow_stdin = value_or(body, "allow_stdin", false);
  out.silent = value_or(body, "silent", false);
  out.store_history = value_or(body, "store_history", true);
  out.stop_on_error = value_or(body, "stop_on_error", true);
  out.user_expressions = object_text(body, "user_expressions");
  out.labels = object_text(body, "labels");
  out.turn_id = value_or<std::string>(body, "turn_id", {});
  return out;
}

std::vector<limit_change> read_limits(const json& body, const protocol::limits& configured) {
  std::vector<limit_change> out;
  for (auto& [name, value] : body.items())
    out.push_back({name, value.is_null() ? value_of(configured, name) : value.get<double>()});
  return out;
}

sandbox_spec read_sandbox(const json& body, const request_rules& rules) {
  sandbox_spec out;
  out.id = value_or<std::string>(body, "id", {});
  auto chat = value_or<std::string>(body, "mode", "agent") == "chat";
  out.mode = chat ? sandbox_mode::chat : sandbox_mode::agent;
  if (auto ttl = value_or(body, "ttl_s", 0.0); ttl > 0) out.ttl_ms = to_ms(ttl);
  if (auto idle = value_or(body, "idle_s", 0.0); idle > 0) out.idle_ms = to_ms(idle);
  out.limit = rules.limits_of(out.mode);
  out.labels = object_text(body, "labels");
  auto it = body.find("limits");
  if (it == body.end() || it->is_null()) return out;
  for (auto& change : read_limits(*it, rules.limits_of(out.mode))) apply(out.limit, change);
  return out;
}

std::string read_kernel(const json& body) {
  return value_or<std::string>(body, "id", {});
}

std::string read_turn(const json& body) {
  return value_or<std::string>(body, "text", {});
}

std::string read_stdin(const json& body) {
  return body.at("value").get<std::string>();
}

}  // namespace protocol::http
