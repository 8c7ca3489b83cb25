// What clients ask of browsers.
#include <openssl/evp.h>

#include "actors/directory.hpp"
#include "gateways/client_call.hpp"
#include "protocol/json.hpp"

namespace gateways {

using namespace protocol;  // NOLINT: this file translates between their words and the sink's

namespace {

/// The body, with the picture or document as members of it.
buffer with_bytes(const browsed& x) {
  if (x.bytes.empty()) return x.body;
  auto bytes = x.bytes.view();
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  auto size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  auto body = x.body.view();
  return buffer(std::string(body.substr(0, body.size() - 1)) + ",\"mime\":" + json_string(x.mime) +
                ",\"data\":\"" + text + "\"}");
}

}  // namespace

/// The browser of a sandbox, whether it runs or not.
template <class Then>
void client_call_state::with_browser(const std::string& sandbox_id, Then then) {
  auto known = env_->views.sandbox(sandbox_id);
  if (!known)
    return fail(fault{.code = error_code::sandbox_not_found, .detail = "no sandbox " + sandbox_id});
  auto browser = env_->handles.sandbox(sandbox_id).browser;
  if (browser && known->state != sandbox_state::closing) return then(browser);
  if (known->state == sandbox_state::failed || known->state == sandbox_state::closing)
    return fail(
        fault{.code = error_code::wrong_state,
              .detail = "the sandbox is " + to_string(known->state) + ": " + known->why.detail});
  again_ = [this, sandbox_id, then] { with_browser(sandbox_id, then); };
  try_again(&client_call_state::run_again);
}

/// The body is the view; where its CDP endpoint is, only the gateway knows.
void client_call_state::begin(call::order_browser& c) {
  auto& options = env_->settings.browser;
  auto timeout_ms = options.start_timeout_ms + options.restart.stop_grace_ms + 10'000;
  auto told = [this, wait = c.wait](const browser_view& v) {
    answer(wait ? 200 : 202, to_json(v, {}));
  };
  with_browser(c.sandbox_id, [this, c, timeout_ms, told](const actors::browser_actor& b) {
    if (c.what == call::browser_order::start)
      return ask(b, timeout_ms, start_browser{c.wait}, told);
    if (c.what == call::browser_order::restart)
      return ask(b, timeout_ms, restart_browser{c.wait}, told);
    ask(b, timeout_ms, stop_browser{"a client stopped it"}, told);
  });
}

void client_call_state::begin(call::browse& c) {
  auto& options = env_->settings.browser;
  auto timeout_ms = c.what.timeout_ms + options.start_timeout_ms + 5'000;
  with_browser(c.sandbox_id, [this, c, timeout_ms](const actors::browser_actor& b) {
    ask(b, timeout_ms, c.what, [this, raw = c.raw](browsed& x) {
      auto sink = std::exchange(sink_, nullptr);
      if (sink) sink->answered(200, raw && !x.bytes.empty() ? x.bytes : with_bytes(x), {});
      self_->quit();
    });
  });
}

}  // namespace gateways
