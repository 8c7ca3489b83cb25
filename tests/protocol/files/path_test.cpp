#define CAF_SUITE files_path

#include "protocol/files/path.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::files;
using protocol::error_code;
using protocol::sandbox_mode;

namespace {

std::string parsed(std::string_view text) {
  auto out = parse_path(text);
  return out ? *out : std::string(protocol::describe(out.error().code).name);
}

std::string verdict(change what, std::string_view path, sandbox_mode mode) {
  auto f = refusal(what, path, mode);
  return f ? std::string(protocol::describe(f->code).name) : "allowed";
}

}  // namespace

CAF_TEST(a path has one form) {
  CAF_CHECK_EQUAL(parsed(""), "");
  CAF_CHECK_EQUAL(parsed("."), "");
  CAF_CHECK_EQUAL(parsed("a/./b//c/"), "a/b/c");
  CAF_CHECK_EQUAL(parsed("...//..a"), ".../..a");
}

CAF_TEST(a path that could leave the workspace is refused by its text) {
  for (auto text : {"/", "/etc/passwd", "..", "a/..", "a/../b", "../a", "a/b/../../.."})
    CAF_CHECK_EQUAL(parsed(text), "path_escapes");
  CAF_CHECK_EQUAL(parsed(std::string_view("a\0b", 3)), "invalid_field");
  CAF_CHECK_EQUAL(parsed(std::string(256, 'x')), "invalid_field");
  CAF_CHECK_EQUAL(parsed(std::string(255, 'x')), std::string(255, 'x'));
}

CAF_TEST(a folder and the cursor of the longest path in it fit one request target) {
  std::string longest;
  while (longest.size() < path_bytes_max) longest += longest.size() % 200 == 199 ? '/' : 'x';
  CAF_CHECK_EQUAL(parsed(longest + "x"), "invalid_field");
  if (longest.ends_with('/')) longest.back() = 'x';
  CAF_CHECK_EQUAL(parsed(longest), longest);
  constexpr std::size_t target_bytes_max = 8'192, rest = 192;  // the route and the other members
  CAF_CHECK(3 * longest.size() + cursor_of(longest).size() + rest <= target_bytes_max);
}

// Invariants: what is parsed parses to itself; no part of it is empty, `.` or `..`.
CAF_TEST(random texts parse to paths that stay as they are) {
  std::mt19937_64 random(tests::seed());
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) text += "./.a/"[random() % 5];
    auto path = parse_path(text);
    if (!path) continue;
    auto again = parse_path(*path);
    CAF_REQUIRE(again && *again == *path);
    for (auto part : parts_of(*path)) CAF_REQUIRE(!part.empty() && part != "." && part != "..");
  }
}

CAF_TEST(a folder comes before what is in it and siblings by their bytes) {
  CAF_CHECK(lies_before("", "a"));
  CAF_CHECK(lies_before("a", "a/b"));
  CAF_CHECK(lies_before("a/z", "a b"));
  CAF_CHECK(lies_before("a b", "b"));
  CAF_CHECK(!lies_before("a", "a"));
  CAF_CHECK(is_within("a/b", "a"));
  CAF_CHECK(!is_within("ab", "a"));
}

CAF_TEST(the zones allow what they are for) {
  using enum change;
  constexpr auto agent = sandbox_mode::agent, chat = sandbox_mode::chat;
  for (auto what : {write, append, remove}) {
    for (auto mode : {agent, chat})
      for (auto path : {"upload/a", "output/a/b", "deploy/index.html"})
        CAF_CHECK_EQUAL(verdict(what, path, mode), "allowed");
    CAF_CHECK_EQUAL(verdict(what, "note", agent), "allowed");
    CAF_CHECK_EQUAL(verdict(what, "note", chat), "zone_read_only");
    CAF_CHECK_EQUAL(verdict(what, "uploads/a", chat), "zone_read_only");
    for (auto path : {"", "upload", "output", "deploy"})
      CAF_CHECK_EQUAL(verdict(what, path, agent), "zone_read_only");
    CAF_CHECK_EQUAL(verdict(what, ".store", agent), "zone_append_only");
  }
  CAF_CHECK_EQUAL(verdict(append, ".store/log", chat), "allowed");
  CAF_CHECK_EQUAL(verdict(write, ".store/log", agent), "zone_append_only");
  CAF_CHECK_EQUAL(verdict(remove, ".store/log", agent), "zone_append_only");
  for (auto folder : {"upload", "output", "deploy/a"}) CAF_CHECK(!refusal_inside(folder, chat));
  CAF_CHECK(!refusal_inside("", agent));
  auto anywhere = refusal_inside("", chat), store = refusal_inside(".store", agent);
  CAF_CHECK(anywhere && anywhere->code == error_code::zone_read_only);
  CAF_CHECK(store && store->code == error_code::zone_append_only);
}

CAF_TEST(code in the sandbox may not change what it is only given to read) {
  CAF_CHECK(!writable_inside("upload/a", sandbox_mode::agent));
  CAF_CHECK(!writable_inside(".store/a", sandbox_mode::agent));
  CAF_CHECK(writable_inside("output/a", sandbox_mode::chat));
  CAF_CHECK(writable_inside("a", sandbox_mode::agent));
  CAF_CHECK(!writable_inside("a", sandbox_mode::chat));
}

CAF_TEST(a cursor is a path byte for byte and nothing else is one) {
  for (std::string path : {"", "a/b", "\x80\xff \n"}) {
    auto back = parse_cursor(cursor_of(path));
    CAF_REQUIRE(back);
    CAF_CHECK_EQUAL(*back, path);
  }
  for (auto text : {"a", "6", "zz", "6 ", "-1", "616"}) CAF_CHECK(!parse_cursor(text));
}
