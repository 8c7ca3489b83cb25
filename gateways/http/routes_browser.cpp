// The part of the table of routes that leads to browsers.
#include "gateways/http/handlers.hpp"
#include "gateways/http/routes.hpp"

namespace gateways::http {

void add_browser_routes(std::vector<route>& to) {
  using enum method;
  using enum protocol::error_code;
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

}  // namespace gateways::http
