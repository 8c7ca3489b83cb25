#include "protocol/browser.hpp"

#include <array>

#include "protocol/object_writer.hpp"

namespace protocol {

std::string_view name_of(browser_state state) noexcept {
  constexpr std::array<std::string_view, 6> names{"stopped", "starting",   "idle",
                                                  "busy",    "restarting", "failed"};
  return names[static_cast<std::size_t>(state)];
}

std::string to_json(const browser_view& x, std::string_view cdp_url) {
  object_writer w;
  w.text("sandbox_id", x.sandbox_id);
  w.text("state", name_of(x.state));
  w.number("generation", x.generation);
  w.number("restarts", x.restarts);
  w.number_or_null("pid", static_cast<std::int64_t>(x.pid));
  w.raw("last_cause", to_json(x.last_cause));
  w.time_or_null("started_at", x.started_at);
  w.time_or_null("last_activity", x.last_activity);
  w.number("clients", x.clients);
  w.text("cdp_url", cdp_url);
  w.raw("pages", x.pages);
  return w.close();
}

}  // namespace protocol
