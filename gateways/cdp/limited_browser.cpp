#include "gateways/cdp/limited_browser.hpp"

#include <utility>

#include "protocol/cdp/message.hpp"

namespace gateways {

std::uint64_t limited_browser::connect(std::string target_id, std::shared_ptr<cdp_client> who) {
  client_ = who;
  return browser_->connect(std::move(target_id), std::move(who));
}

void limited_browser::received(std::uint64_t from, std::string_view text) {
  namespace cdp = protocol::cdp;
  auto method = cdp::forbidden_in(text, only_);
  if (method.empty()) return browser_->received(from, text);
  auto parsed = cdp::parse_command(text);
  const auto& c = std::get<cdp::command>(parsed);
  if (auto client = client_.lock())
    client->deliver(cdp::error_text(c.id, cdp::error_code::server_error,
                                    "'" + method + "' is not allowed by the policy of this token",
                                    c.session_id));
}

}  // namespace gateways
