// Decides what becomes of a request: who may ask, whether the route exists, whether work is taken.
//
// Free of Beast and of streams: sessions pass it heads and bodies. `admit` runs before the body is
// read, so that what is refused costs no memory. Used on the server's thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateways/http/exchange.hpp"
#include "gateways/http/metrics.hpp"
#include "gateways/http/render.hpp"
#include "gateways/http/routes.hpp"
#include "gateways/http/security.hpp"
#include "protocol/http/target.hpp"
#include "protocol/http/token_bucket.hpp"

namespace gateways::http {

/// What is known of a client before it says anything.
struct peer {
  std::string client_ip;
  std::string local_ip;
};

class dispatcher {
 public:
  dispatcher(const http_server_options& options, actors::node_views& views);

  /// An answer when the request goes no further; fills in `r.id` in any case.
  std::optional<answer> admit(request& r, const peer& from, time_point now);

  /// Of an admitted request with its body.
  outcome handle(const request& r) const;

  /// How large the body may be, and what is said when it is larger.
  struct bound {
    std::uint64_t bytes;
    std::string_view option;
    protocol::fault fault() const;
  };
  bound body_limit(const request& r) const;

  /// A request that could not be read.
  answer refuse(request& r, const protocol::fault& f);

  gatekeeper& gate() { return gate_; }
  http_stats& stats() { return stats_; }
  renderer& render() { return render_; }
  const config::http_options& http() const { return options_.http; }

 private:
  std::optional<protocol::fault> check_host(const request_head& head, std::string_view host,
                                            const peer& from) const;
  std::optional<protocol::fault> check_origin(request& r, std::string_view host) const;
  std::optional<answer> find_route(request& r, const protocol::http::target_parts& at);
  std::optional<protocol::fault> check_body(const request& r) const;
  std::optional<protocol::fault> check_no_fields(const request& r) const;
  std::optional<protocol::fault> check_token(const request& r) const;
  protocol::result<void> check_signature(const request& r) const;
  std::optional<protocol::fault> check_readiness(const route& to) const;
  std::optional<protocol::fault> check_rate(request& r, time_point now);
  answer preflight(request& r, const std::string& allow) const;
  void name_request(request& r);

  const http_server_options& options_;
  actors::node_views& views_;
  protocol::http::request_rules rules_;
  router router_;
  route site_;  ///< what stands for a route where there are none
  std::function<protocol::buffer()> openapi_;
  http_stats stats_;
  url_signer signer_;
  files::watch_service watches_;
  services services_;
  gatekeeper gate_;
  protocol::http::rate_limiter limiter_;
  std::string rate_policy_;
  renderer render_;
  std::uint64_t next_id_;
};

}  // namespace gateways::http
