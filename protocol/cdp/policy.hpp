// What the holder of a token of `cdp.tokens_file` may ask a browser.
//
// Pure. Names are of domains ("Page") or of methods ("Runtime.evaluate").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"

namespace protocol::cdp {

struct token_policy {
  std::string token;
  std::vector<std::string> allow;  ///< empty: everything
  std::vector<std::string> deny;   ///< wins over `allow`

  /// Never the methods that would reach around this: commands inside of others, and a channel to
  /// the browser for the page itself.
  bool allows(std::string_view method) const;
};

/// {"tokens": [{"token", "allow"?, "deny"?}]}: `invalid_field` or `malformed_json` says what is
/// wrong. Tokens have 16 characters or more, and differ.
result<std::vector<token_policy>> read_token_policies(std::string_view text);

}  // namespace protocol::cdp
