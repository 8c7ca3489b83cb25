// The site of a sandbox: its zone `deploy/` under an origin of its own, `ID.deploy.localhost`.
//
// Admission is the dispatcher's, on the server's thread, instead of that of routes: no route is
// reached under such a Host. Who shows the daemon's token may see the site, and so may a browser
// that was given a cookie for a signed link. Cookie and link hold one key, valid for this alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/http/exchange.hpp"
#include "gateways/http/routes.hpp"
#include "gateways/http/security.hpp"

namespace gateways::http {

/// What a request asks of a site.
struct site_target {
  std::string path;        ///< in `deploy/`, in its one form
  bool as_folder = false;  ///< it ends with a slash
  std::string query;       ///< as it came, without the key
  std::optional<std::string> key;

  /// Where it is, on this origin: it begins with one slash, whatever the client wrote.
  std::string location() const;
};
protocol::result<site_target> parse_site_target(std::string_view target);

/// The link that has `key`, as seen by a client that reached the daemon by `host`.
std::string site_link(std::string_view sandbox_id, std::string_view host, std::string_view key);

/// The values of all cookies of that name: pages of another site may add some of their own.
std::vector<std::string_view> cookies_named(std::string_view cookies, std::string_view name);

/// An answer when the request goes no further; else `r.params` has the sandbox. `name` is what
/// `site_name` made of `host`: browsers write it in lower case.
std::optional<answer> admit_to_site(const services& s, const gatekeeper& gate,
                                    std::string_view host, std::string_view name, request& r);

}  // namespace gateways::http
