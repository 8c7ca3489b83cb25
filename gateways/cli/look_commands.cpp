// `troupe kernels`, `sandboxes`, `status` and `events`: what there is, and what happens.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "gateways/cli/cli.hpp"
#include "gateways/cli/follower.hpp"
#include "gateways/cli/json_text.hpp"
#include "gateways/cli/table.hpp"

namespace gateways::cli {
namespace {

using nlohmann::json;

struct look_arguments {
  std::string data_dir;
  std::string sandbox;
  std::uint64_t from = 0;
  bool json = false;
};

int refuse(const refusal& why) {
  std::cerr << "troupe: " << why.text << '\n';
  return why.code;
}

/// GETs JSON, or says why not and leaves the exit code in `failed`.
std::optional<json> ask(const http_client& daemon, const std::string& target, int& failed) {
  const auto answer = daemon.send({.target = target});
  if (!answer) return failed = refuse(explain(answer.error(), daemon)), std::nullopt;
  if (!answer->ok()) return failed = refuse(explain(*answer)), std::nullopt;
  auto body = json::parse(answer->body, nullptr, false);
  if (!body.is_discarded()) return body;
  return failed = refuse({exit_unreachable, "the answer to " + target + " is no JSON"}),
         std::nullopt;
}

/// Text, or the JSON of anything else; null and missing are a dash.
std::string shown(const json& value) {
  if (value.is_null()) return "-";
  auto text = value.is_string() ? text_of(value) : value.dump();
  return text.empty() ? "-" : text;
}

std::string joined(const json& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",") + shown(item);
  return text.empty() ? "-" : text;
}

int list_sandboxes(const http_client& daemon, const look_arguments& given) {
  int failed = exit_ok;
  const auto answer = ask(daemon, "/v1/sandboxes", failed);
  if (!answer) return failed;
  if (given.json) return std::cout << answer->dump(2) << '\n', exit_ok;
  table rows{{"SANDBOX", "MODE", "STATE", "CREATED", "EXPIRES", "KERNELS"}};
  for (const auto& s : member(*answer, "sandboxes"))
    rows.add({shown(member(s, "id")), shown(member(s, "mode")), shown(member(s, "state")),
              shown(member(s, "created_at")), shown(member(s, "expires_at")),
              joined(member(s, "kernels"))});
  rows.print(std::cout);
  return exit_ok;
}

int list_kernels(const http_client& daemon, const look_arguments& given) {
  int failed = exit_ok;
  std::vector<std::string> sandboxes{given.sandbox};
  if (given.sandbox.empty()) {
    const auto all = ask(daemon, "/v1/sandboxes", failed);
    if (!all) return failed;
    sandboxes.clear();
    for (const auto& s : member(*all, "sandboxes")) sandboxes.push_back(text_at(s, "id"));
  }
  auto kernels = json::array();
  for (const auto& id : sandboxes) {
    const auto answer = ask(daemon, "/v1/sandboxes/" + path_segment(id) + "/kernels", failed);
    if (!answer) return failed;
    for (const auto& k : member(*answer, "kernels")) kernels.push_back(k);
  }
  if (given.json) return std::cout << json{{"kernels", kernels}}.dump(2) << '\n', exit_ok;
  table rows{
      {"SANDBOX", "KERNEL", "STATE", "PID", "GENERATION", "RESTARTS", "QUEUE", "LAST CAUSE"}};
  for (const auto& k : kernels)
    rows.add({shown(member(k, "sandbox_id")), shown(member(k, "id")), shown(member(k, "state")),
              shown(member(k, "pid")), shown(member(k, "generation")), shown(member(k, "restarts")),
              shown(member(k, "queue")), shown(member(member(k, "last_cause"), "kind"))});
  rows.print(std::cout);
  return exit_ok;
}

void add_part(table& rows, const json& part, int depth) {
  rows.add({std::string(static_cast<std::size_t>(depth) * 2, ' ') + shown(member(part, "name")),
            shown(member(part, "state")), shown(member(part, "generation")),
            shown(member(part, "restarts")), shown(member(member(part, "last_cause"), "kind"))});
  for (const auto& child : member(part, "children")) add_part(rows, child, depth + 1);
}

/// Exit code 0 only if new work is taken, so that scripts can wait for it.
int show_status(const http_client& daemon, const look_arguments& given) {
  int failed = exit_ok;
  const auto root = ask(daemon, "/", failed);
  if (!root) return failed;
  const auto tree = ask(daemon, "/v1/supervisor", failed);
  if (!tree) return failed;
  const auto ready = daemon.send({.target = "/readyz"});
  if (!ready) return refuse(explain(ready.error(), daemon));
  const auto state = json::parse(ready->body, nullptr, false);
  const int code = ready->ok() ? exit_ok : exit_unreachable;
  if (given.json) {
    std::cout << json{{"node", *root}, {"readyz", state}, {"supervisor", *tree}}.dump(2) << '\n';
    return code;
  }
  std::cout << "troupe " << shown(member(*root, "version")) << " at " << daemon.address() << ": "
            << shown(member(*root, "status")) << '\n';
  if (member(state, "durable") == false)
    std::cout << "not durable: " << shown(member(state, "reason")) << '\n';
  table rows{{"PART", "STATE", "GENERATION", "RESTARTS", "LAST CAUSE"}};
  add_part(rows, *tree, 0);
  rows.print(std::cout);
  return code;
}

/// The node's events, for a person or as they came.
class node_events final : public follower {
 public:
  node_events(const http_client& daemon, const look_arguments& given)
      : follower(daemon), next_(given.from), json_(given.json) {}

 private:
  request next_request() override {
    return {.target = "/v1/events?from=" + std::to_string(next_), .accept = "application/x-ndjson"};
  }

  bool over() const override { return stopped_ || !std::cout; }
  void on_interrupt() override { stopped_ = true; }

  void on_line(std::string_view line) override {
    const auto event = json::parse(line, nullptr, false);
    if (const auto n = number_at(event, "n"); n > 0) next_ = n + 1;
    if (json_)
      std::cout << line;
    else
      std::cout << shown(member(event, "at")) << "  " << shown(member(event, "type")) << "  "
                << member(event, "data").dump();
    std::cout << '\n' << std::flush;
  }

  std::uint64_t next_;
  bool json_;
  bool stopped_ = false;
};

int follow_events(const http_client& daemon, const look_arguments& given) {
  const auto code = node_events(daemon, given).follow();
  return code == exit_ok ? exit_interrupted : code;
}

using look = int (*)(const http_client&, const look_arguments&);

std::shared_ptr<look_arguments> add_look(CLI::App& app, CLI::App*& command, const char* name,
                                         const char* what, look act, std::function<int()>& chosen) {
  auto given = std::make_shared<look_arguments>();
  command = app.add_subcommand(name, what);
  command->add_flag("--json", given->json, "Print JSON");
  add_data_dir(*command, given->data_dir);
  command->callback([&chosen, given, act] {
    chosen = [given, act] {
      const auto daemon = find_daemon(given->data_dir);
      if (const auto* why = std::get_if<refusal>(&daemon)) return refuse(*why);
      return act(std::get<http_client>(daemon), *given);
    };
  });
  return given;
}

}  // namespace

void add_lists(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = nullptr;
  add_look(app, command, "sandboxes", "List the sandboxes", list_sandboxes, chosen);
  auto given = add_look(app, command, "kernels", "List the kernels", list_kernels, chosen);
  command->add_option("--sandbox", given->sandbox, "Only of this one")->type_name("SANDBOX");
}

void add_status(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = nullptr;
  add_look(app, command, "status", "Show whether the daemon is ready, and its supervised parts",
           show_status, chosen);
}

void add_events(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = nullptr;
  auto given =
      add_look(app, command, "events", "Follow the events of the node", follow_events, chosen);
  command->add_option("--from", given->from, "Begin with this number; 0: only those to come [0]")
      ->type_name("N");
}

}  // namespace gateways::cli
