// URLs that stand for themselves: whoever has one may read or write the one file it names, or see
// the one site, until it expires, without a token.
//
// Owned by the dispatcher; any thread. Signed with a key made from the daemon's token (without one,
// from chance), so a new token makes them void. A URL is of one sandbox: one that is made later
// under the same name is another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateways::http {

struct signed_access {
  std::string_view method;  ///< of the file, GET or PUT; or what no method is called, `site`
  std::string_view sandbox_id;
  std::int64_t sandbox_created_at = 0;
  std::string_view path;
  std::uint64_t expires_s = 0;  ///< since 1970
};

class url_signer {
 public:
  explicit url_signer(std::string_view token);

  /// Hexadecimal.
  std::string signature(const signed_access& what) const;
  /// Compares in constant time. Whether it has expired is another question.
  bool valid(const signed_access& what, std::string_view signature) const;

  /// A key to the site of a sandbox; it is no signature of a file, nor one of these a key.
  std::string site_key(std::string_view sandbox_id, std::int64_t sandbox_created_at,
                       std::uint64_t expires_s) const;
  /// When it expires, or expired; nothing: it is none to this site.
  std::optional<std::uint64_t> site_key_expiry(std::string_view sandbox_id,
                                               std::int64_t sandbox_created_at,
                                               std::string_view key) const;

 private:
  std::string key_;
};

/// Escapes all but what may stand in a path as it is; slashes stay.
std::string percent_encoded(std::string_view path);

}  // namespace gateways::http
