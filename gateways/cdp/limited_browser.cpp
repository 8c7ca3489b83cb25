#include "gateways/cdp/limited_browser.hpp"

#include <utility>

#include "protocol/cdp/message.hpp"
#include "protocol/json.hpp"

namespace gateways {

std::uint64_t limited_browser::connect(std::string target_id, std::shared_ptr<cdp_client> who) {
  client_ = who;
  return browser_->connect(std::move(target_id), std::move(who));
}

void limited_browser::received(std::uint64_t from, std::string_view text) {
  namespace cdp = protocol::cdp;
  auto parsed = cdp::parse_command(text);
  auto* c = std::get_if<cdp::command>(&parsed);
  auto method = c ? protocol::json_text(c->method) : std::string();
  // What is no command is answered by the multiplexer.
  if (!c || only_.allows(method)) return browser_->received(from, text);
  if (auto client = client_.lock())
    client->deliver(cdp::error_text(c->id, cdp::error_code::server_error,
                                    "'" + method + "' is not allowed by the policy of this token",
                                    c->session_id));
}

}  // namespace gateways
