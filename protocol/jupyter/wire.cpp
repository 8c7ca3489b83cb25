#include "protocol/jupyter/wire.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "protocol/json.hpp"
#include "protocol/text.hpp"
#include "protocol/time.hpp"

namespace protocol::jupyter {
namespace {

constexpr std::string_view version = "5.3";
constexpr std::string_view username = "troupe";
constexpr std::size_t digest_bytes = 32;
using digest = std::array<unsigned char, digest_bytes>;

/// A keyed hash that is set up once for many messages: setting one up costs more than hashing most
/// messages does.
class hmac {
 public:
  hmac() {
    std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> kind(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                           &EVP_MAC_free);
    context_.reset(kind ? EVP_MAC_CTX_new(kind.get()) : nullptr);
    if (!context_) throw std::runtime_error("the crypto library has no HMAC");
  }

  digest of(std::string_view key, std::span<const std::string_view> parts) {
    restart(key);
    digest out{};
    bool fine = true;
    for (auto part : parts)
      fine = fine &&
             EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(part.data()),
                            part.size()) == 1;
    std::size_t written = 0;
    if (!fine || EVP_MAC_final(context_.get(), out.data(), &written, out.size()) != 1)
      throw std::runtime_error("the crypto library failed to sign");
    return out;
  }

 private:
  void restart(std::string_view key) {
    if (key == key_ && EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1) return;
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    key_.clear();
    if (EVP_MAC_init(context_.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     params) != 1)
      throw std::runtime_error("the crypto library refused the key");
    key_ = key;
  }

  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_{nullptr, &EVP_MAC_CTX_free};
  std::string key_;  ///< the one it is set up for
};

std::string hex(const digest& d) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * d.size());
  for (auto byte : d) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string make_header(const message& m, const std::string& session, unix_ms now) {
  std::string out = R"({"msg_id":)";
  append_json_string(out, m.msg_id);
  out += R"(,"msg_type":)";
  append_json_string(out, m.msg_type);
  out += R"(,"username":)";
  append_json_string(out, username);
  out += R"(,"session":)";
  append_json_string(out, session);
  out += R"(,"date":")";
  append_rfc3339(out, now);
  out += R"(","version":")";
  out += version;
  out += "\"}";
  return out;
}

fault malformed(std::string detail) {
  return {error_code::malformed_request, std::move(detail), {}, 0};
}

std::string text_or_empty_object(const buffer& part) {
  return part.empty() ? std::string("{}") : std::string(part.view());
}

/// In constant time, so that answers do not teach what the right one begins with.
bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The parts that routing needs. `parts` are the four that were signed.
result<message> parse(std::span<const std::string_view> parts, channel on) {
  constexpr std::array<std::string_view, 2> names{"msg_id", "msg_type"};
  std::array<std::string_view, 2> found;
  if (!is_json_object(parts[0])) return malformed("the header is not a JSON object");
  json_members(parts[0], names, found);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!is_json_string(found[i]))
      return malformed("the header's " + std::string(names[i]) + " is not a string");
  message m;
  m.on = on;
  m.msg_id = json_text(found[0]);
  m.msg_type = json_text(found[1]);
  if (!is_json_object(parts[1])) return malformed("the parent header is not a JSON object");
  const auto parent = json_member(parts[1], "msg_id");
  if (!parent.empty() && parent != "null" && !is_json_string(parent))
    return malformed("the parent header's msg_id is not a string");
  m.parent_msg_id = json_text(parent);
  return m;
}

}  // namespace

std::string sign(std::string_view key, std::string_view header, std::string_view parent_header,
                 std::string_view metadata, std::string_view content) {
  if (key.empty()) return {};
  thread_local hmac keyed;
  const std::array parts{header, parent_header, metadata, content};
  return hex(keyed.of(key, parts));
}

std::vector<std::string> encode(const message& m, const std::string& key,
                                const std::string& session, unix_ms now) {
  std::vector<std::string> frames;
  frames.reserve(6 + m.buffers.size());
  frames.emplace_back(delimiter);
  frames.emplace_back();
  frames.push_back(make_header(m, session, now));
  frames.push_back(text_or_empty_object(m.parent_header));
  frames.push_back(text_or_empty_object(m.metadata));
  frames.push_back(text_or_empty_object(m.content));
  frames[1] = sign(key, frames[2], frames[3], frames[4], frames[5]);
  for (const auto& bytes : m.buffers) frames.emplace_back(bytes.view());
  return frames;
}

result<message> decode(std::span<const std::string_view> frames, const std::string& key,
                       channel on) {
  constexpr std::size_t needed = 6;  // delimiter, signature and the four that it signs
  const auto begin = std::find(frames.begin(), frames.end(), delimiter);
  if (begin == frames.end())
    return malformed("no delimiter in " + std::to_string(frames.size()) + " frames");
  const auto rest = frames.subspan(static_cast<std::size_t>(begin - frames.begin()));
  if (rest.size() < needed)
    return malformed(std::to_string(rest.size() - 1) + " frames after the delimiter, not 5");
  const auto parts = rest.subspan(2, 4);
  if (!key.empty() && !same(rest[1], sign(key, parts[0], parts[1], parts[2], parts[3])))
    return malformed(rest[1].empty() ? "the signature is missing" : "the signature is wrong");
  auto parsed = parse(parts, on);
  if (!parsed) return parsed;
  auto& m = *parsed;
  m.header = buffer(std::string(parts[0]));
  m.parent_header = buffer(std::string(parts[1]));
  // Python's surrogate escapes reach the wire as bytes that are no UTF-8.
  m.metadata = buffer(to_utf8(parts[2]));
  m.content = buffer(to_utf8(parts[3]));
  for (auto bytes : rest.subspan(needed)) m.buffers.emplace_back(std::string(bytes));
  return parsed;
}

}  // namespace protocol::jupyter
