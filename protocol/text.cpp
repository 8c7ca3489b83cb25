#include "protocol/text.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>
#include <vector>

namespace protocol {
namespace {

int sextet(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

constexpr char escape = '\x1b';
constexpr char bell = '\x07';

bool between(char c, unsigned char low, unsigned char high) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= low && byte <= high;
}

/// Optimal string alignment: a swap of neighbours counts as one edit, since that is how people
/// mistype.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

/// The end of a sequence that runs to a string terminator (OSC, DCS …). Without one the text
/// stays: better a stray code on the page than the rest of the output gone.
std::size_t end_of_string(std::string_view text, std::size_t at) noexcept {
  for (auto i = at; i < text.size(); ++i) {
    if (text[i] == bell) return i + 1;
    if (text[i] == escape && i + 1 < text.size() && text[i + 1] == '\\') return i + 2;
  }
  return at;
}

/// The end of the escape sequence that begins at `at` (ECMA-48).
std::size_t end_of_escape(std::string_view text, std::size_t at) noexcept {
  auto i = at + 1;
  if (i == text.size()) return i;
  const char kind = text[i];
  if (kind == '[') {
    for (++i; i < text.size() && between(text[i], 0x30, 0x3f);) ++i;
    while (i < text.size() && between(text[i], 0x20, 0x2f)) ++i;
    return i < text.size() && between(text[i], 0x40, 0x7e) ? i + 1 : i;
  }
  if (std::string_view("]PX^_").find(kind) != std::string_view::npos)
    return end_of_string(text, i + 1);
  while (i < text.size() && between(text[i], 0x20, 0x2f)) ++i;
  return i < text.size() && between(text[i], 0x30, 0x7e) ? i + 1 : i;
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr std::size_t word_max = 64;  // the distance costs the product of the lengths
  constexpr std::size_t prefix_min = 3;
  if (word.empty() || word.size() > word_max) return {};
  std::string_view best;
  auto close = word.size() / 3 + 1;
  for (auto candidate : candidates) {
    auto longer = std::max(word.size(), candidate.size());
    if (word.size() >= prefix_min && candidate.starts_with(word)) return candidate;
    if (candidate.empty() || longer - std::min(word.size(), candidate.size()) > close) continue;
    auto distance = edit_distance(word, candidate);
    if (distance > close || distance >= longer || (distance == close && !best.empty())) continue;
    best = candidate;
    close = distance;
  }
  return best;
}

std::string strip_ansi(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    auto next = std::min(text.find(escape, at), text.size());
    out.append(text, at, next - at);
    at = next == text.size() ? next : end_of_escape(text, next);
  }
  return out;
}

std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size()) return 0;
  const auto* byte = reinterpret_cast<const unsigned char*>(text.data()) + at;
  const auto left = text.size() - at;
  const auto follows = [&](std::size_t i) { return i < left && (byte[i] & 0xc0) == 0x80; };
  const auto lead = byte[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return follows(1) ? 2 : 0;
  if (!follows(1) || !follows(2)) return 0;
  if (lead < 0xf0) {
    if (lead == 0xe0 && byte[1] < 0xa0) return 0;                 // overlong
    return lead == 0xed && byte[1] >= 0xa0 ? std::size_t{0} : 3;  // a surrogate
  }
  if (lead > 0xf4 || !follows(3)) return 0;
  if (lead == 0xf0 && byte[1] < 0x90) return 0;                 // overlong
  return lead == 0xf4 && byte[1] >= 0x90 ? std::size_t{0} : 4;  // beyond U+10FFFF
}

std::size_t utf8_cut(std::string_view text, std::size_t max) noexcept {
  if (max >= text.size()) return text.size();
  for (std::size_t back = 0; back <= 3 && back <= max; ++back)
    if ((static_cast<unsigned char>(text[max - back]) & 0xc0) != 0x80) return max - back;
  return max;  // not UTF-8: there is no boundary to keep
}

std::string to_utf8(std::string_view text) {
  std::string out;
  std::size_t done = 0;  // up to here it is in `out`
  for (std::size_t at = 0; at < text.size();) {
    if (const auto length = utf8_length(text, at); length > 0) {
      at += length;
      continue;
    }
    out.append(text.substr(done, at - done)).append("\xef\xbf\xbd");
    done = ++at;
  }
  return out.append(text.substr(done));
}

std::string utf8_joiner::add(std::string_view bytes) {
  auto text = std::move(held_);
  text += bytes;
  auto cut = text.size();
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (length > back) cut -= back;
    break;
  }
  held_ = text.substr(cut);
  text.resize(cut);
  return to_utf8(text);
}

std::string utf8_joiner::finish() {
  return to_utf8(std::exchange(held_, {}));
}

std::string from_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  unsigned bits = 0;
  int count = 0;
  for (const auto c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) continue;
    const auto value = sextet(c);
    if (value < 0) break;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

}  // namespace protocol
