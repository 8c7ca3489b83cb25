// A sandbox's browser as clients see it, and what its actor is asked and hears.
//
// Plain data; `actors/interfaces.hpp` says who takes which message, and what it answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/buffer.hpp"
#include "protocol/cause.hpp"
#include "protocol/execution.hpp"

namespace protocol {

enum class browser_state : std::uint8_t { stopped, starting, idle, busy, restarting, failed };

std::string_view name_of(browser_state state) noexcept;
inline std::string to_string(browser_state x) {
  return std::string(name_of(x));
}

struct browser_view {
  std::string sandbox_id;
  browser_state state = browser_state::stopped;
  std::uint64_t generation = 0;
  std::uint64_t restarts = 0;
  int pid = 0;  ///< on the host; 0: no process
  cause last_cause;
  unix_ms started_at = 0;  ///< of this generation
  unix_ms last_activity = 0;
  std::uint64_t clients = 0;  ///< that are connected by CDP
  std::string pages = "[]";   ///< a JSON array's text
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_view& x) {
  return f(x.sandbox_id, x.state, x.generation, x.restarts, x.pid, x.last_cause, x.started_at,
           x.last_activity, x.clients, x.pages);
}

/// As the edge shows it. `cdp_url`: where its CDP endpoint is.
std::string to_json(const browser_view& x, std::string_view cdp_url);

// -- to a browser --------------------------------------------------------------------------------

/// Harmless when it runs; answered when it is ready, or has failed.
struct start_browser {
  bool wait = true;  ///< else answered at once
};
/// A new generation: pages come back, as after a death.
struct restart_browser {
  bool wait = false;
};
/// Ends the process; the next use starts it again. Answered when it has gone.
struct stop_browser {
  std::string reason;
};
/// One action on a page. Starts the browser when it does not run.
struct browse {
  std::string page;  ///< an id, or "active"; empty: the browser as a whole
  std::string verb;
  buffer params;  ///< a JSON object that was read by the verb's table
  std::int64_t timeout_ms = 0;
};
/// `bytes` is empty, or the picture or document that `body` is about, of the type `mime`.
struct browsed {
  buffer body;
  std::string mime;
  buffer bytes;
};
/// Ends the process and everything under way, answers, then the actor itself.
struct close_browser {
  cause why;
};

// -- what a browser hears of its process ---------------------------------------------------------

struct browser_started {
  std::uint64_t generation = 0;
  int pid = 0;
};
struct browser_start_failed {
  std::uint64_t generation = 0;
  std::string why;
};
struct browser_answered {
  std::uint64_t generation = 0;
};
struct browser_said {
  std::uint64_t generation = 0;
  std::vector<buffer> messages;
};
struct browser_silent {
  std::uint64_t generation = 0;
  std::uint64_t misses = 0;
};
/// A client wants it, by CDP.
struct browser_wanted {
  std::string sandbox_id;
};
struct browser_clients {
  std::uint64_t count = 0;
};
struct browser_exited {
  std::uint64_t generation = 0;
  int exit_code = -1;
  int signal = 0;
  std::uint64_t memory_bytes = 0;
  std::string words;  ///< the last it wrote to stderr
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, start_browser& x) {
  return f(x.wait);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restart_browser& x) {
  return f(x.wait);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stop_browser& x) {
  return f(x.reason);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browse& x) {
  return f(x.page, x.verb, x.params, x.timeout_ms);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browsed& x) {
  return f(x.body, x.mime, x.bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, close_browser& x) {
  return f(x.why);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_started& x) {
  return f(x.generation, x.pid);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_start_failed& x) {
  return f(x.generation, x.why);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_answered& x) {
  return f(x.generation);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_said& x) {
  return f(x.generation, x.messages);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_silent& x) {
  return f(x.generation, x.misses);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_wanted& x) {
  return f(x.sandbox_id);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_clients& x) {
  return f(x.count);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_exited& x) {
  return f(x.generation, x.exit_code, x.signal, x.memory_bytes, x.words);
}

}  // namespace protocol
