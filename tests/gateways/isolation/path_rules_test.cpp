#define CAF_SUITE path_rules

#include "gateways/isolation/path_rules.hpp"

#include <algorithm>

#include "tests/support/unit.hpp"

namespace {

bool has(const std::vector<std::string>& words, const std::string& word, const std::string& path) {
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    if (words[i] == word && words[i + 1] == path) return true;
  return false;
}

}  // namespace

CAF_TEST(a workspace that is only read has two zones that are written) {
  gateways::containment c;
  c.workspace = "/w";
  c.files_folder = "/run/k";
  c.readable_paths = {"/opt/python"};
  c.read_only_workspace = true;
  auto words = gateways::path_rules(c, {"/data"});
  CAF_CHECK_EQUAL(words.size() % 2, 0u);
  CAF_CHECK(has(words, "--read", "/w"));
  CAF_CHECK(!has(words, "--write", "/w"));
  for (auto* path : {"/w/output", "/w/deploy", "/run/k", "/tmp"})
    CAF_CHECK(has(words, "--write", path));
  for (auto* path : {"/w/upload", "/w/.store", "/opt/python", "/data", "/usr"})
    CAF_CHECK(!has(words, "--write", path));
  CAF_CHECK(has(words, "--read", "/opt/python"));
  CAF_CHECK(has(words, "--read", "/data"));
  CAF_CHECK_EQUAL(std::ranges::count(words, "/"), 0);
}

CAF_TEST(what has no folder of its own gets no rule for one) {
  gateways::containment c;
  c.workspace = "/w";
  auto words = gateways::path_rules(c, {});
  CAF_CHECK_EQUAL(std::ranges::count(words, ""), 0);
  CAF_CHECK(has(words, "--write", "/w"));
}

CAF_TEST(the home replaces what speaks of folders that are closed) {
  auto env = gateways::with_home({"HOME=/root", "XDG_CACHE_HOME=/c", "PATH=/bin"}, "/h");
  CAF_CHECK_EQUAL(env, (std::vector<std::string>{"PATH=/bin", "HOME=/h"}));
}
