#include "protocol/id.hpp"

#include <algorithm>

namespace protocol {

std::string make_id(std::string_view prefix, std::uint64_t a, std::uint64_t b) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string id(prefix);
  for (auto half : {a, b})  // 11 characters of 6 bits hold 64 bits
    for (int shift = 60; shift >= 0; shift -= 6) id += alphabet[half >> shift & 63];
  return id;
}

bool valid_id(std::string_view id) noexcept {
  constexpr std::size_t length_max = 64;
  if (id.empty() || id.size() > length_max || id[0] == '.' || id[0] == '-') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

}  // namespace protocol
