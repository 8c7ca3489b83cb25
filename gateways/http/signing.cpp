#include "gateways/http/signing.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <random>

#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

std::string hmac(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &length);
  return {reinterpret_cast<const char*>(out), length};
}

std::string chance() {
  std::random_device source;
  std::string out;
  for (int i = 0; i < 8; ++i) out += std::to_string(source()) + ",";
  return out;
}

void append_hex(std::string& out, unsigned char byte, std::string_view digits) {
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

}  // namespace

url_signer::url_signer(std::string_view token)
    : key_(hmac(token.empty() ? chance() : std::string(token), "signed URLs of files")) {}

std::string url_signer::signature(const signed_access& what) const {
  // No field but the path, which is last, can have a line break.
  std::string text(what.method);
  text.append("\n").append(what.sandbox_id).append("\n");
  text.append(std::to_string(what.sandbox_created_at)).append("\n");
  text.append(std::to_string(what.expires_s)).append("\n").append(what.path);
  std::string out;
  for (char c : hmac(key_, text))
    append_hex(out, static_cast<unsigned char>(c), "0123456789abcdef");
  return out;
}

bool url_signer::valid(const signed_access& what, std::string_view given) const {
  auto right = signature(what);
  return given.size() == right.size() &&
         CRYPTO_memcmp(given.data(), right.data(), right.size()) == 0;
}

std::string url_signer::site_key(std::string_view sandbox_id, std::int64_t sandbox_created_at,
                                 std::uint64_t expires_s) const {
  return std::to_string(expires_s) + "." +
         signature({"site", sandbox_id, sandbox_created_at, {}, expires_s});
}

std::optional<std::uint64_t> url_signer::site_key_expiry(std::string_view sandbox_id,
                                                         std::int64_t sandbox_created_at,
                                                         std::string_view key) const {
  auto dot = key.find('.');
  auto expires_s = protocol::http::parse_count(key.substr(0, dot));
  if (dot == key.npos || !expires_s) return std::nullopt;
  if (!valid({"site", sandbox_id, sandbox_created_at, {}, *expires_s}, key.substr(dot + 1)))
    return std::nullopt;
  return expires_s;
}

std::string percent_encoded(std::string_view path) {
  std::string out;
  for (char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c), "0123456789ABCDEF");
    }
  }
  return out;
}

}  // namespace gateways::http
