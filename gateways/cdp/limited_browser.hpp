// A browser as the holder of a token of `cdp.tokens_file` has it: what its policy does not allow is
// answered here, with an error, and never reaches the browser.
//
// Of one connection, on the thread `cdp`.
#pragma once

#include <memory>
#include <string>

#include "gateways/cdp/live_browser.hpp"
#include "protocol/cdp/policy.hpp"

namespace gateways {

class limited_browser final : public live_browser {
 public:
  limited_browser(std::shared_ptr<live_browser> browser, protocol::cdp::token_policy only)
      : browser_(std::move(browser)), only_(std::move(only)) {}

  const browser_version& version() const override { return browser_->version(); }
  const std::string& id() const override { return browser_->id(); }
  std::uint64_t connect(std::string target_id, std::shared_ptr<cdp_client> who) override;
  void received(std::uint64_t from, std::string_view text) override;
  void gone(std::uint64_t who) override { browser_->gone(who); }

 private:
  const std::shared_ptr<live_browser> browser_;
  const protocol::cdp::token_policy only_;
  std::weak_ptr<cdp_client> client_;
};

}  // namespace gateways
