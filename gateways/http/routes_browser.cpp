// The part of the table of routes that is about browsers.
#include "gateways/http/handlers.hpp"
#include "gateways/http/routes.hpp"

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
  add_cdp_routes(to);
}

}  // namespace gateways::http
