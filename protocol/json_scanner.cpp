#include "protocol/json_scanner.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "protocol/text.hpp"

namespace protocol {
namespace {

constexpr int depth_bound = 1024;

/// Whether any of the eight bytes is a quote, a backslash, a control character or not ASCII.
bool has_special(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t x) { return (x - ones) & ~x; };
  const auto control = (bytes - ones * 0x20) & ~bytes;
  return ((has_zero(bytes ^ ones * '"') | has_zero(bytes ^ ones * '\\') | control | bytes) &
          tops) != 0;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

class scanner {
 public:
  scanner(std::string_view text, int depth_max) noexcept
      : text_(text), depth_max_(std::clamp(depth_max, 0, depth_bound)) {}

  json_scan run() noexcept {
    skip_space();
    do {
      if (!value()) return found_;
    } while (more_);
    if (at_ != text_.size()) fail("text after the value");
    return found_;
  }

 private:
  /// The byte at hand; 0, which is legal nowhere, at the end.
  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool fail(const char* why) noexcept {
    found_.why = at_ < text_.size() ? why : "unexpected end";
    found_.at = at_;
    return false;
  }

  bool fail_text(const char* why) noexcept {
    found_.bad_text = true;
    return fail(why);
  }

  void skip_space() noexcept {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n' || c == '\r')
        found_.line_break = true;
      else if (c != ' ' && c != '\t')
        return;
    }
  }

  /// One value, or the beginning of one that holds others; `more_` tells whether another follows.
  bool value() noexcept {
    more_ = true;
    switch (peek()) {
      case '{': return open(true) && (peek() == '}' ? after() : key());
      case '[': return open(false) && (peek() != ']' || after());
      case '"': return string() && after();
      case 't': return word("true") && after();
      case 'f': return word("false") && after();
      case 'n': return word("null") && after();
      default: return number() && after();
    }
  }

  bool open(bool object) noexcept {
    if (depth_ == depth_max_) return fail("nested too deep");
    objects_[static_cast<std::size_t>(depth_++)] = object;
    ++at_;
    skip_space();
    return true;
  }

  /// What follows a complete value: closing brackets, then a comma or the end.
  bool after() noexcept {
    for (;; ++at_) {
      skip_space();
      if (depth_ == 0) {
        more_ = false;
        return true;
      }
      const bool object = objects_[static_cast<std::size_t>(depth_ - 1)];
      if (peek() == ',') {
        ++at_;
        skip_space();
        return !object || key();
      }
      if (peek() != (object ? '}' : ']')) return fail("a comma or a closing bracket is missing");
      --depth_;
    }
  }

  bool key() noexcept {
    if (peek() != '"') return fail("a name in quotes is missing");
    if (!string()) return false;
    skip_space();
    if (peek() != ':') return fail("a colon is missing");
    ++at_;
    skip_space();
    return true;
  }

  bool string() noexcept {
    for (++at_;;) {
      for (std::uint64_t bytes; text_.size() - at_ >= sizeof bytes; at_ += sizeof bytes) {
        std::memcpy(&bytes, text_.data() + at_, sizeof bytes);
        if (has_special(bytes)) break;
      }
      if (at_ == text_.size()) return fail("unexpected end");
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte == '"') {
        ++at_;
        return true;
      }
      if (byte == '\\') {
        if (!escape()) return false;
      } else if (byte < 0x20) {
        return fail("a control character in a string");
      } else if (byte < 0x80) {
        ++at_;
      } else if (!beyond_ascii()) {
        return false;
      }
    }
  }

  bool escape() noexcept {
    const auto read = read_escape(text_, at_);
    if (read.code == code_point_wrong) return fail("a wrong escape");
    if (read.code == code_point_lone) return fail_text("half of a surrogate pair");
    at_ += read.length;
    return true;
  }

  bool beyond_ascii() noexcept {
    while (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) >= 0x80) {
      const auto length = utf8_length(text_, at_);
      if (length == 0) return fail_text("a byte that is not UTF-8");
      at_ += length;
    }
    return true;
  }

  bool word(std::string_view expected) noexcept {
    if (text_.compare(at_, expected.size(), expected) != 0) return fail("an unexpected character");
    at_ += expected.size();
    return true;
  }

  bool digits() noexcept {
    if (!is_digit(peek())) return fail("an unexpected character");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number() noexcept {
    if (peek() == '-') ++at_;
    if (peek() == '0')
      ++at_;
    else if (!digits())
      return false;
    if (peek() == '.') {
      ++at_;
      if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      return digits();
    }
    return true;
  }

  std::string_view text_;
  int depth_max_;
  int depth_ = 0;
  std::size_t at_ = 0;
  bool more_ = false;
  std::bitset<depth_bound> objects_;  ///< of each open bracket: whether it is an object's
  json_scan found_;
};

/// Four hexadecimal digits at `at`; `code_point_wrong` when they are not there.
std::uint32_t read_hex(std::string_view text, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (auto i = at; i < at + 4; ++i) {
    const char c = i < text.size() ? text[i] : '\0';
    const auto low = static_cast<char>(c | 0x20);
    if (is_digit(c))
      value = value << 4 | static_cast<std::uint32_t>(c - '0');
    else if (low >= 'a' && low <= 'f')
      value = value << 4 | static_cast<std::uint32_t>(low - 'a' + 10);
    else
      return code_point_wrong;
  }
  return value;
}

json_escape read_unicode(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t one = 6;
  const auto high = read_hex(text, at + 2);
  if (high == code_point_wrong) return {code_point_wrong, 1};
  if (high < 0xd800 || high > 0xdfff) return {high, one};
  if (high > 0xdbff || text.size() < at + 2 * one || text[at + one] != '\\' ||
      text[at + one + 1] != 'u')
    return {code_point_lone, one};
  const auto low = read_hex(text, at + one + 2);
  if (low < 0xdc00 || low > 0xdfff) return {code_point_lone, one};
  return {0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 2 * one};
}

}  // namespace

json_scan scan_json(std::string_view text, int depth_max) noexcept {
  return scanner(text, depth_max).run();
}

json_escape read_escape(std::string_view text, std::size_t at) noexcept {
  switch (at + 1 < text.size() ? text[at + 1] : '\0') {
    case '"': return {'"', 2};
    case '\\': return {'\\', 2};
    case '/': return {'/', 2};
    case 'b': return {'\b', 2};
    case 'f': return {'\f', 2};
    case 'n': return {'\n', 2};
    case 'r': return {'\r', 2};
    case 't': return {'\t', 2};
    case 'u': return read_unicode(text, at);
    default: return {code_point_wrong, 1};
  }
}

}  // namespace protocol
