// The HTTP face of Chromium's debugging port: what a request asks for, and the texts of the
// answers, as Chromium writes them.
//
// Pure. URLs that are given out name the daemon as the client does: its Host, and what stands
// before the path.
#pragma once

#include <string>
#include <string_view>

#include "gateways/cdp/live_browser.hpp"

namespace gateways {

enum class cdp_action : std::uint8_t {
  root,
  version,
  list,
  protocol,
  make,
  activate,
  close,
  browser,     ///< a WebSocket to the browser `argument`
  page,        ///< a WebSocket to the target `argument`
  screencast,  ///< a WebSocket with pictures of the target `argument`; no path of Chromium's
  unknown,     ///< the command `argument` below /json
  nothing,
};

struct cdp_ask {
  cdp_action what = cdp_action::nothing;
  std::string argument;  ///< of `make`: the URL
  bool tabs = false;     ///< of `list`: tabs and nothing else
  std::string query{};   ///< of `screencast`
};

/// `target` as it stood on the request line, without what stands before Chromium's own path.
cdp_ask read_cdp_target(std::string_view target);

/// How the client reaches this: "127.0.0.1:9222" and "/token/TOKEN".
struct cdp_place {
  std::string host;
  std::string prefix;
};

std::string version_text(const browser_version& v, std::string_view browser_id,
                         const cdp_place& at);

/// Params of Target.getTargets, and what its result is to /json/list.
std::string_view list_params(bool tabs) noexcept;
protocol::result<std::string> list_text(std::string_view result, std::string_view revision,
                                        const cdp_place& at);

/// What /json/new answers once the page is there.
std::string made_text(std::string_view target_id, std::string_view url, std::string_view revision,
                      const cdp_place& at);

struct cdp_answer {
  int status = 200;
  std::string_view type = "application/json; charset=UTF-8";
  std::string body;
  std::string_view line = "Content-Security-Policy:frame-ancestors 'none'\r\n";
};

/// Of plain text, for what is not below /json.
cdp_answer html_answer(int status, std::string body = {});

/// The bytes of an answer; `last`: the connection is closed after it.
std::string answer_text(const cdp_answer& a, bool with_body, bool last);

}  // namespace gateways
