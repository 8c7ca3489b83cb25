#include "protocol/http/command_request.hpp"

#include <algorithm>

#include "protocol/http/members.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/request.hpp"
#include "protocol/json.hpp"

namespace protocol::http {
namespace {

using nlohmann::json;

constexpr std::size_t word_bytes_max = (128 << 10) - 1;  // of one string, by execve(2)
constexpr std::size_t words_bytes_max = 1 << 20;         // of all together, below execve's own
constexpr std::size_t input_bytes_max = 1 << 20;
constexpr double cells_max = 10'000;
constexpr std::string_view reserved_names = "TROUPE_";  // by these a daemon finds its processes

field cells_field(std::string_view name, bool required, std::string_view fallback) {
  return {.name = name,
          .kind = field_kind::integer,
          .required = required,
          .min = 1,
          .max = cells_max,
          .fallback = fallback,
          .doc = "Of the terminal."};
}

bool valid_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && !digit(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
}

/// Gathers what is wrong with the words that a process is to be given.
class word_check {
 public:
  void add(std::string_view word, const std::string& pointer) {
    total_ += word.size() + 1;
    if (word.find('\0') != word.npos) wrong.push_back({pointer, "must not contain a NUL"});
    if (word.size() > word_bytes_max)
      wrong.push_back({pointer, "must have at most " + std::to_string(word_bytes_max) + " bytes"});
  }
  void finish() {
    if (total_ > words_bytes_max)
      wrong.push_back({"", "arguments and environment have more than " +
                               std::to_string(words_bytes_max) + " bytes together"});
  }

  std::vector<violation> wrong;

 private:
  std::size_t total_ = 0;
};

void read_words(const json& body, command_spec& to, word_check& check) {
  to.line = value_or<std::string>(body, "command", {});
  to.argv = value_or<std::vector<std::string>>(body, "argv", {});
  if (to.line.empty() == to.argv.empty())
    check.wrong.push_back({"/command", "give either `command` or `argv`, and not empty"});
  check.add(to.line, "/command");
  for (std::size_t i = 0; i < to.argv.size(); ++i)
    check.add(to.argv[i], "/argv/" + std::to_string(i));
  if (!to.argv.empty() && to.argv[0].empty())
    check.wrong.push_back({"/argv/0", "must name a program"});
}

void read_environment(const json& body, command_spec& to, word_check& check) {
  auto it = body.find("env");
  if (it == body.end() || it->is_null()) return;
  for (auto& [name, value] : it->items()) {
    auto pointer = "/env/" + name;
    if (!valid_name(name))
      check.wrong.push_back({pointer, "a name has letters, digits and `_`, no digit first"});
    if (name.starts_with(reserved_names))
      check.wrong.push_back({pointer, "names that begin with `TROUPE_` are taken"});
    to.environment.push_back(name + "=" + value.get<std::string>());
    check.add(to.environment.back(), pointer);
  }
}

void read_input(const json& body, command_spec& to, word_check& check) {
  to.input = value_or<std::string>(body, "stdin", {});
  if (to.input.size() > input_bytes_max)
    check.wrong.push_back(
        {"/stdin", "must have at most " + std::to_string(input_bytes_max) + " bytes"});
  to.keeps_input = value_or(body, "keep_stdin", false);
  to.terminal = value_or(body, "pty", false);
  to.rows = value_or<std::uint64_t>(body, "rows", to.rows);
  to.columns = value_or<std::uint64_t>(body, "columns", to.columns);
}

}  // namespace

schema command_schema(double timeout_s_max) {
  using enum field_kind;
  return {"CommandRequest",
          "A command to run beside the kernels, in the same sandbox.",
          {{.name = "command", .doc = "One string, run by the shell (`command.shell`) with -c."},
           {.name = "argv", .kind = string_array, .doc = "Or the words, run as they stand."},
           {.name = "cwd", .fallback = "\"\"", .doc = "Relative to the workspace."},
           {.name = "env", .kind = string_map, .fallback = "{}", .doc = "Further variables."},
           {.name = "timeout_s",
            .kind = number,
            .min = 0,
            .max = timeout_s_max,
            .above_min = true,
            .doc = "Then: SIGTERM, grace (`command.kill_grace_ms`), SIGKILL, to all of its tree."},
           {.name = "background",
            .kind = boolean,
            .fallback = "false",
            .doc = "Answer 202 at once; without `timeout_s` it has the largest time limit."},
           {.name = "pty",
            .kind = boolean,
            .fallback = "false",
            .doc = "A terminal is its stdin, stdout and stderr."},
           cells_field("rows", false, "24"),
           cells_field("columns", false, "80"),
           {.name = "stdin", .doc = "Its standard input, which then ends."},
           {.name = "keep_stdin",
            .kind = boolean,
            .fallback = "false",
            .doc = "Standard input stays open for POST .../stdin."},
           {.name = "on_disconnect",
            .kind = choice,
            .fallback = "\"detach\"",
            .doc = "What becomes of it when the client that waits goes away.",
            .choices = {"detach", "cancel"}},
           {.name = "turn_id",
            .kind = identifier,
            .doc = "The turn it is a step of; without one, the current turn."},
           {.name = "labels",
            .kind = string_map,
            .fallback = "{}",
            .doc = "Kept with the command, for the client's own use."}}};
}

schema command_input_schema() {
  return {"CommandInputRequest",
          "What the command is to read.",
          {{.name = "value", .required = true},
           {.name = "close",
            .kind = field_kind::boolean,
            .fallback = "false",
            .doc = "Nothing follows: its standard input ends."}}};
}

schema terminal_size_schema() {
  return {"TerminalSizeRequest",
          "The terminal's new size.",
          {cells_field("rows", true, ""), cells_field("columns", true, "")}};
}

result<std::string> path_in_workspace(std::string_view path) {
  auto refuse = [asked = path] {
    auto name = json_string(asked);
    return fault{error_code::path_escapes, "the path " + name + " leaves the workspace",
                 "{\"path\":" + name + "}", 0};
  };
  if (path.starts_with('/')) return refuse();
  std::vector<std::string_view> kept;
  while (!path.empty()) {
    auto part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
      continue;
    }
    if (kept.empty()) return refuse();
    kept.pop_back();
  }
  std::string out;
  for (auto part : kept) out.append(out.empty() ? "" : "/").append(part);
  return {boost::system::in_place_value, std::move(out)};
}

result<asked_command> read_command(const json& body, const request_rules& rules,
                                   std::int64_t timeout_ms_max) {
  asked_command out;
  auto& request = out.request;
  auto& spec = request.command;
  word_check check;
  read_words(body, spec, check);
  read_environment(body, spec, check);
  read_input(body, spec, check);
  check.finish();
  out.background = value_or(body, "background", false);
  auto by_default = out.background ? timeout_ms_max : std::min(rules.timeout_ms, timeout_ms_max);
  auto timeout_s = value_or(body, "timeout_s", 0.0);
  request.timeout_ms = timeout_s > 0 ? to_ms(timeout_s) : by_default;
  if (request.timeout_ms > timeout_ms_max)
    check.wrong.push_back({"/timeout_s", "must be at most " + json(timeout_ms_max / 1e3).dump() +
                                             " in this sandbox"});
  auto cwd = value_or<std::string>(body, "cwd", {});
  if (cwd.find('\0') != cwd.npos) check.wrong.push_back({"/cwd", "must not contain a NUL"});
  if (!check.wrong.empty()) return invalid_fields(check.wrong);
  auto directory = path_in_workspace(cwd);
  if (!directory) return directory.error();
  spec.directory = std::move(*directory);
  request.cancel_on_disconnect = value_or<std::string>(body, "on_disconnect", "detach") == "cancel";
  request.labels = object_text(body, "labels");
  request.turn_id = value_or<std::string>(body, "turn_id", {});
  return out;
}

asked_input read_command_input(const json& body) {
  return {body.at("value").get<std::string>(), value_or(body, "close", false)};
}

asked_size read_terminal_size(const json& body) {
  return {body.at("rows").get<std::uint64_t>(), body.at("columns").get<std::uint64_t>()};
}

}  // namespace protocol::http
