#define CAF_SUITE files_edit

#include "protocol/files/edit.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::files;

namespace {

std::string diff(std::string_view text, std::string_view old, std::string_view with) {
  auto at = occurrences(text, old);
  return unified_diff("f", text, {at, old.size(), with}).text;
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

CAF_TEST(occurrences are counted up to one more than may be replaced) {
  CAF_CHECK_EQUAL(occurrences("aaaa", "a", 3), (std::vector<std::size_t>{0, 1, 2}));
  CAF_CHECK_EQUAL(occurrences(std::string(200'000, 'a'), "a").size(), occurrences_max + 1);
}

CAF_TEST(a text is looked for in time that grows with both lengths and not their product) {
  const std::string text(4 << 20, 'a'), half(2 << 20, 'a');
  CAF_CHECK(occurrences(text, half + "b").empty());
  CAF_CHECK(occurrences(text, "b" + half).empty());
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

CAF_TEST(a diff that is too long ends with a whole change and says so) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "x\n1\n2\n3\n4\n5\n6\n7\n8\n";
  auto at = occurrences(text, "x");
  replacement r{at, 1, "y"};
  auto whole = unified_diff("f", text, r), cut = unified_diff("f", text, r, 1'000);
  CAF_CHECK(whole.complete);
  CAF_CHECK(!cut.complete);
  CAF_CHECK(whole.text.starts_with(cut.text));
  CAF_CHECK(cut.text.size() > 500 && cut.text.size() < 1'100);
  std::string lines;  // whose changes are all in one hunk
  for (int i = 0; i < 100; ++i) lines += "x\n";
  auto everywhere = occurrences(lines, "x");
  auto dense = unified_diff("f", lines, {everywhere, 1, "y"}, 200);
  CAF_CHECK(!dense.complete);
  CAF_CHECK(dense.text.starts_with("--- a/f\n+++ b/f\n@@ -1,16 +1,16 @@\n-x\n+y\n-x\n"));
  CAF_CHECK(dense.text.ends_with("-x\n+y\n"));
  const std::string line(10'000, 'x');
  auto in_one_line = occurrences(line, "x");
  auto none = unified_diff("f", line, {in_one_line, 1, "y"}, 5'000);
  CAF_CHECK(!none.complete);
  CAF_CHECK_EQUAL(none.text, "");
}

CAF_TEST(what an edit comes to is known before it is built) {
  const std::string text(1 << 20, '\n');
  auto at = occurrences(text, "\n", text.size());
  const std::string with(1 << 20, 'x');
  CAF_CHECK_EQUAL(size_after(text, {at, 1, with}), std::uint64_t{1} << 40);
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
    CAF_REQUIRE(diff.complete);
    CAF_REQUIRE_EQUAL(patched(text, diff.text), applied(text, r));
    CAF_REQUIRE_EQUAL(size_after(text, r), applied(text, r).size());
    // One with less room begins as the whole one does, but for the counts of its last hunk.
    auto room = random() % (diff.text.size() + 1);
    auto cut = unified_diff("f", text, r, room);
    constexpr std::size_t paths_bytes = 2 * sizeof("--- a/f");
    CAF_REQUIRE(cut.text.size() <= room + paths_bytes);
    CAF_REQUIRE(cut.complete || cut.text.size() < diff.text.size());
  }
}
