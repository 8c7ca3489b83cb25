#define CAF_SUITE files_glob

#include "protocol/files/glob.hpp"

#include "tests/support/unit.hpp"

using protocol::files::glob;

namespace {

bool fits(std::string_view pattern, std::string_view path) {
  auto g = glob::parse(pattern);
  CAF_REQUIRE(g);
  return g->matches(path);
}

}  // namespace

CAF_TEST(a star stays within a name) {
  CAF_CHECK(fits("*.py", "a.py"));
  CAF_CHECK(fits("*.py", ".py"));
  CAF_CHECK(!fits("*.py", "a/b.py"));
  CAF_CHECK(fits("a/*", "a/b"));
  CAF_CHECK(!fits("a/*", "a/b/c"));
  CAF_CHECK(fits("a*b*c", "axxbyybzc"));
  CAF_CHECK(!fits("a*b*c", "axxbyy"));
  CAF_CHECK(fits("?", "x"));
  CAF_CHECK(!fits("?", ""));
}

CAF_TEST(two stars stand for any folders and for none) {
  CAF_CHECK(fits("**", "a"));
  CAF_CHECK(fits("**/*.py", "a.py"));
  CAF_CHECK(fits("**/*.py", "x/y/a.py"));
  CAF_CHECK(fits("x/**/z", "x/z"));
  CAF_CHECK(fits("x/**/z", "x/a/b/z"));
  CAF_CHECK(!fits("x/**/z", "y/z"));
  CAF_CHECK(fits("x/**", "x/y/z"));
}

CAF_TEST(sets and braces choose) {
  CAF_CHECK(fits("[a-c]1", "b1"));
  CAF_CHECK(!fits("[!a-c]1", "b1"));
  CAF_CHECK(fits("[]]", "]"));
  CAF_CHECK(fits("[", "["));
  CAF_CHECK(fits("**/*.{ts,js}", "a/b.js"));
  CAF_CHECK(!fits("**/*.{ts,js}", "a/b.py"));
  CAF_CHECK(fits("{a,b{1,2}}", "b2"));
  CAF_CHECK(fits("{a", "{a"));
  CAF_CHECK(fits("a{,b}", "a"));
}

CAF_TEST(a pattern has bounds) {
  CAF_CHECK(!glob::parse(""));
  CAF_CHECK(!glob::parse(std::string(2'000, 'a')));
  CAF_CHECK(!glob::parse("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
}

CAF_TEST(a hostile pattern takes no longer than both lengths together) {
  std::string pattern, name(255, 'a');
  for (int i = 0; i < 300; ++i) pattern += "*a";
  CAF_CHECK(!fits(pattern + "b", name));
  std::string deep, path;
  for (int i = 0; i < 300; ++i) deep += "**/", path += "a/";
  CAF_CHECK(!fits(deep + "b", path));
}
