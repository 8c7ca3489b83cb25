// The part of the table of routes that is about browsers.
#include <algorithm>
#include <array>
#include <deque>

#include "gateways/http/handlers.hpp"
#include "gateways/http/routes.hpp"
#include "protocol/http/browser_request.hpp"
#include "protocol/http/browser_tools.hpp"

namespace gateways::http {

using enum protocol::error_code;

namespace {

void add_cdp_routes(std::vector<route>& to) {
  using enum method;
  constexpr std::string_view below = "/v1/sandboxes/{sandbox_id}/cdp/{path}";
  const std::vector<protocol::error_code> errors{sandbox_not_found, unavailable};
  to.push_back({.verb = get,
                .pattern = "/v1/sandboxes/{sandbox_id}/cdp",
                .id = "openBrowser",
                .tag = "browser",
                .summary = "The browser itself, as a WebSocket",
                .handle = reach_browser,
                .errors = errors,
                .hands_over = true});
  to.push_back({.verb = get,
                .pattern = below,
                .id = "askBrowser",
                .tag = "browser",
                .summary = "What Chromium's debugging port has at this path",
                .handle = reach_browser,
                .errors = errors,
                .tail = true,
                .hands_over = true});
  to.push_back({.verb = put,
                .pattern = below,
                .id = "changeBrowser",
                .tag = "browser",
                .summary = "The same, where that port asks for a PUT",
                .handle = reach_browser,
                .errors = errors,
                .tail = true,
                .hands_over = true});
}

/// Texts of rows that are made from the table of verbs; kept as long as the program runs.
std::string_view kept(std::string text) {
  static std::deque<std::string> all;
  return all.emplace_back(std::move(text));
}

const std::vector<protocol::error_code> action_errors{
    sandbox_not_found, wrong_state,       page_not_found,    element_not_found, not_actionable,
    stale_ref,         url_refused,       navigation_failed, javascript_error,  page_crashed,
    dialog_open,       browser_restarted, timed_out,         invalid_field};

std::string_view json_type_of(protocol::http::field_kind kind) {
  using enum protocol::http::field_kind;
  if (kind == integer) return "integer";
  if (kind == number) return "number";
  return kind == boolean ? "boolean" : "string";
}

/// `browserClick` of `BrowserClick`; what reads and writes both has two.
std::string_view operation_of(const protocol::http::browser_verb& verb, bool reads) {
  auto name = std::string(verb.body.name);
  name[0] = 'b';
  return kept(name + (reads ? "Query" : ""));
}

void add_verb(std::vector<route>& to, const protocol::http::browser_verb& verb) {
  auto pattern =
      kept("/v1/sandboxes/{sandbox_id}/browser/pages/{page_id}/" + std::string(verb.name));
  route row{.pattern = pattern,
            .tag = "browser",
            .summary = verb.body.doc,
            .answers = "BrowserAction",
            .errors = action_errors};
  constexpr std::array<std::string_view, 3> both{"find", "cookies", "storage"};
  if (verb.reads) {
    auto& reading = to.emplace_back(row);
    reading.verb = method::get;
    reading.id = operation_of(verb, true);
    reading.handle = read_from_page;
    for (auto& f : verb.body.fields)
      reading.queries.push_back({f.name, json_type_of(f.kind), f.doc});
  }
  if (verb.reads && std::ranges::count(both, verb.name) == 0) return;
  row.verb = method::post;
  row.id = operation_of(verb, false);
  row.handle = act_on_page;
  row.body = &verb.body;
  to.push_back(row);
}

void add_page_routes(std::vector<route>& to) {
  using enum method;
  constexpr std::string_view all = "/v1/sandboxes/{sandbox_id}/browser/pages";
  to.push_back({.verb = get,
                .pattern = all,
                .id = "listPages",
                .tag = "browser",
                .summary = "Its pages, in the order of their making",
                .handle = list_pages,
                .answers = "PageList",
                .errors = {sandbox_not_found}});
  to.push_back({.verb = post,
                .pattern = all,
                .id = "newPage",
                .tag = "browser",
                .summary = "Open a page; starts the browser when it does not run",
                .handle = new_page,
                .status = 201,
                .answers = "Page",
                .body = &protocol::http::find_browser_verb("new")->body,
                .errors = action_errors});
  to.push_back({.verb = del,
                .pattern = "/v1/sandboxes/{sandbox_id}/browser/pages/{page_id}",
                .id = "closePage",
                .tag = "browser",
                .summary = "Close a page",
                .handle = close_page,
                .answers = "BrowserAction",
                .errors = action_errors});
  to.push_back({.verb = get,
                .pattern = "/v1/sandboxes/{sandbox_id}/browser/pages/{page_id}/screencast",
                .id = "watchPage",
                .tag = "browser",
                .summary = "Pictures of a page as it changes, as a WebSocket",
                .handle = watch_page,
                .queries = {{"format", "string", "jpeg (default) or png."},
                            {"quality", "integer", "1 to 100, of jpeg; 80."},
                            {"max_width", "integer", "Pixels of a picture."},
                            {"max_height", "integer", "Likewise."},
                            {"every", "integer", "One of so many frames; 1."}},
                .errors = {sandbox_not_found, page_not_found, invalid_field, unavailable},
                .hands_over = true});
  for (auto& verb : protocol::http::browser_verbs())
    if (verb.name != "new" && verb.name != "close") add_verb(to, verb);
}

/// The tools of `protocol/http/browser_tools.hpp`.
void add_tools(std::vector<route>& to) {
  for (auto& tool : protocol::http::browser_tools()) {
    route row{.pattern = kept("/v1/sandboxes/{sandbox_id}/browser/" + std::string(tool.name)),
              .id = kept("browserTool" + std::string(tool.body.name.substr(11))),
              .tag = "browser",
              .summary = tool.body.doc,
              .handle = use_browser_tool,
              .answers = "BrowserAction",
              .errors = action_errors};
    row.verb = tool.reads ? method::get : method::post;
    if (!tool.reads) row.body = &tool.body;
    to.push_back(row);
  }
}

}  // namespace

void add_browser_routes(std::vector<route>& to) {
  using enum method;
  constexpr std::string_view browser = "/v1/sandboxes/{sandbox_id}/browser";
  const query_doc wait{"wait", "boolean", "false: answer 202 at once with the resource as it is"};
  to.push_back({.verb = get,
                .pattern = browser,
                .id = "getBrowser",
                .tag = "browser",
                .summary = "The browser and its pages",
                .handle = get_browser,
                .answers = "Browser",
                .errors = {sandbox_not_found}});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/browser/start",
                .id = "startBrowser",
                .tag = "browser",
                .summary = "Start the browser when it does not run, and wait until it is ready",
                .handle = start_browser,
                .answers = "Browser",
                .queries = {wait},
                .errors = {sandbox_not_found, wrong_state, timed_out, invalid_field},
                .accepted = true});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/browser/restart",
                .id = "restartBrowser",
                .tag = "browser",
                .summary = "Restart the browser: 202, or with `wait` 200 when it is ready",
                .handle = restart_browser,
                .answers = "Browser",
                .queries = {{"wait", "boolean", "true: answer when it is ready again"}},
                .errors = {sandbox_not_found, wrong_state, timed_out, invalid_field},
                .accepted = true});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/browser/stop",
                .id = "stopBrowser",
                .tag = "browser",
                .summary = "End the browser; its next use starts it again",
                .handle = stop_browser,
                .answers = "Browser",
                .errors = {sandbox_not_found, wrong_state, timed_out},
                .in_drain = true});
  add_page_routes(to);
  add_tools(to);
  add_cdp_routes(to);
}

}  // namespace gateways::http
