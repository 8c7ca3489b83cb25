#define CAF_SUITE files_edit

#include "protocol/files/edit.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::files;

namespace {

std::string diff(std::string_view text, std::string_view old, std::string_view with) {
  auto at = occurrences(text, old);
  return unified_diff("f", text, {at, old.size(), with});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find('\n', at);
    auto next = end == text.npos ? text.size() : end + 1;
    out.push_back(text.substr(at, next - at));
    at = next;
  }
  return out;
}

/// What `patch` would make of `text`; it trusts the numbers of the hunks.
std::string patched(const std::string& text, const std::string& diff) {
  auto old = lines_of(text);
  std::string out;
  std::size_t at = 0;
  auto lines = lines_of(diff);
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const auto& line = lines[i];
    if (line.starts_with("@@ -")) {
      auto first = std::stoul(line.substr(4));
      auto old_range = line.substr(4, line.find(' ', 4) - 4);
      if (!old_range.ends_with(",0")) --first;
      while (at < first) out += old.at(at++);
    } else if (line[0] == '\\') {
      out.pop_back();
    } else {
      if (line[0] != '+')
        CAF_REQUIRE_EQUAL(old.at(at).substr(0, old.at(at).find('\n')),
                          line.substr(1, line.find('\n') - 1));
      if (line[0] != '+') ++at;
      if (line[0] != '-') out += line.substr(1);
      bool unended = i + 1 < lines.size() && lines[i + 1][0] == '\\';
      if (line[0] == '-' && unended) ++i;
    }
  }
  while (at < old.size()) out += old[at++];
  return out;
}

}  // namespace

CAF_TEST(occurrences do not overlap and nothing is found of nothing) {
  CAF_CHECK_EQUAL(occurrences("aaaa", "aa"), (std::vector<std::size_t>{0, 2}));
  CAF_CHECK(occurrences("aaaa", "").empty());
  CAF_CHECK(occurrences("", "a").empty());
}

CAF_TEST(places count lines and columns from 1) {
  auto at = occurrences("x\n x\nx", "x");
  auto places = places_of("x\n x\nx", at, 2);
  CAF_REQUIRE_EQUAL(places.size(), 2u);
  CAF_CHECK_EQUAL(places[0].line, 1u);
  CAF_CHECK_EQUAL(places[1].line, 2u);
  CAF_CHECK_EQUAL(places[1].column, 2u);
}

CAF_TEST(a diff has three lines around a change) {
  CAF_CHECK_EQUAL(diff("1\n2\n3\n4\nx\n6\n7\n8\n9\n", "x", "five"),
                  "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-x\n+five\n 6\n 7\n 8\n");
  CAF_CHECK_EQUAL(diff("a", "a", "b"),
                  "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"
                  "\\ No newline at end of file\n");
  CAF_CHECK_EQUAL(diff("a\nb\n", "b\n", ""), "--- a/f\n+++ b/f\n@@ -1,2 +1 @@\n a\n-b\n");
  CAF_CHECK_EQUAL(diff("a\n", "a\n", ""), "--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-a\n");
  CAF_CHECK_EQUAL(diff("a\n", "z", ""), "");
}

// Invariant: applying the diff to the old text gives the new text.
CAF_TEST(a random edit and its diff come to the same) {
  std::mt19937_64 random(tests::seed());
  auto text_of = [&](std::size_t size) {
    std::string out;
    for (auto n = random() % (size + 1); n > 0; --n) out += "ab\n\n"[random() % 4];
    return out;
  };
  for (int round = 0; round < 20'000; ++round) {
    auto text = text_of(60), old = text_of(3), with = text_of(3);
    auto at = occurrences(text, old);
    if (at.empty()) continue;
    replacement r{at, old.size(), with};
    auto diff = unified_diff("f", text, r);
    CAF_REQUIRE_EQUAL(patched(text, diff), applied(text, r));
  }
}
