#include "protocol/files/glob.hpp"

#include "protocol/files/path.hpp"
#include "protocol/http/problem.hpp"

namespace protocol::files {
namespace {

constexpr std::size_t pattern_bytes_max = 1'024, alternatives_max = 64;

/// The brace that closes the one at `open`; npos: none does.
std::size_t closing(std::string_view text, std::size_t open) noexcept {
  int depth = 0;
  for (auto i = open; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return text.npos;
}

/// False: there are more than `alternatives_max`.
bool expand(const std::string& pattern, std::vector<std::string>& out) {
  auto open = pattern.find('{');
  auto close = open == pattern.npos ? open : closing(pattern, open);
  if (close == pattern.npos) {
    out.push_back(pattern);
    return out.size() <= alternatives_max;
  }
  int depth = 0;
  for (auto begin = open + 1, i = begin; i <= close; ++i) {
    if (pattern[i] == '{') ++depth;
    if (pattern[i] == '}' && i < close) --depth;
    if (i < close && (pattern[i] != ',' || depth > 0)) continue;
    auto one =
        pattern.substr(0, open) + pattern.substr(begin, i - begin) + pattern.substr(close + 1);
    if (!expand(one, out)) return false;
    begin = i + 1;
  }
  return true;
}

/// Whether `c` is in the set that begins at `at`, after its bracket; `at` goes behind the set.
/// A set that does not end is no set: npos.
bool in_set(std::string_view pattern, std::size_t& at, char c) noexcept {
  auto i = at;
  bool inverted = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (inverted) ++i;
  bool found = false;
  auto byte = [](char x) { return static_cast<unsigned char>(x); };
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found |= byte(pattern[i]) <= byte(c) && byte(c) <= byte(pattern[i + 2]);
      i += 3;
    } else {
      found |= pattern[i++] == c;
    }
  }
  at = i < pattern.size() ? i + 1 : pattern.npos;
  return found != inverted;
}

bool parts_match(const std::vector<std::string>& pattern,
                 const std::vector<std::string_view>& path) {
  // What the first parts of the pattern have used up of the path: `reached[n]`, of its first n.
  std::vector<char> reached(path.size() + 1, 0);
  reached[0] = 1;
  for (const auto& part : pattern) {
    std::vector<char> next(path.size() + 1, 0);
    if (part == "**") {
      char any = 0;
      for (std::size_t n = 0; n <= path.size(); ++n) next[n] = any = any | reached[n];
    } else {
      for (std::size_t n = 0; n < path.size(); ++n)
        next[n + 1] = reached[n] && name_matches(part, path[n]);
    }
    reached = std::move(next);
  }
  return reached[path.size()] != 0;
}

}  // namespace

bool name_matches(std::string_view pattern, std::string_view name) noexcept {
  std::size_t p = 0, n = 0, star = pattern.npos, star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_n = n;
      continue;
    }
    bool fits = false;
    auto next = p + 1;
    if (p < pattern.size() && pattern[p] == '[') {
      auto after = p + 1;
      bool inside = in_set(pattern, after, name[n]);
      fits = after == pattern.npos ? name[n] == '[' : inside;
      if (after != pattern.npos) next = after;
    } else if (p < pattern.size()) {
      fits = pattern[p] == '?' || pattern[p] == name[n];
    }
    if (fits) {
      p = next;
      ++n;
    } else if (star != pattern.npos) {
      p = star;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

result<glob> glob::parse(std::string_view pattern, std::string_view pointer) {
  auto invalid = [&](std::string detail) {
    return http::invalid_fields({{std::string(pointer), std::move(detail)}});
  };
  if (pattern.empty()) return invalid("must not be empty");
  if (pattern.size() > pattern_bytes_max)
    return invalid("must have at most " + std::to_string(pattern_bytes_max) + " bytes");
  std::vector<std::string> flat;
  if (!expand(std::string(pattern), flat))
    return invalid("must stand for at most " + std::to_string(alternatives_max) + " patterns");
  glob out;
  for (const auto& one : flat) {
    auto& parts = out.alternatives_.emplace_back();
    for (auto part : parts_of(one))
      if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  return out;
}

bool glob::matches(std::string_view path) const {
  auto parts = parts_of(path);
  for (const auto& pattern : alternatives_)
    if (parts_match(pattern, parts)) return true;
  return false;
}

}  // namespace protocol::files
