// Small operations on text that several places need: suggestions, terminal codes, safe cuts.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace protocol {

/// The candidate that begins with `word`, else the closest by edit distance; empty when none is
/// close enough to be meant.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// Without the escape sequences a terminal would act on.
std::string strip_ansi(std::string_view text);

/// The length of the UTF-8 character that begins at `at`; 0 when there is none, or a wrong one.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept;

/// The largest cut <= `max` that does not split a UTF-8 character.
std::size_t utf8_cut(std::string_view text, std::size_t max) noexcept;

/// The text itself, or with each byte that is no UTF-8 replaced by U+FFFD.
std::string to_utf8(std::string_view text);

/// The bytes of Base64 text; white space is skipped, the rest of a broken text is dropped.
std::string from_base64(std::string_view text);

/// Bytes that come in pieces, as text: a character that is split over two pieces comes whole with
/// the second. Invariant: all that was given out, joined, is `to_utf8` of all that was taken in.
class utf8_joiner {
 public:
  std::string add(std::string_view bytes);
  /// What was held back, when nothing more will come.
  std::string finish();

 private:
  std::string held_;  ///< at most three bytes: the beginning of a character
};

}  // namespace protocol
