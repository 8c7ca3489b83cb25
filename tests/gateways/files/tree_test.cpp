#define CAF_SUITE files_tree

#include "gateways/files/tree.hpp"

#include <fcntl.h>

#include <atomic>
#include <limits>

#include "gateways/files/search.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace gateways::files;

namespace {

std::vector<std::string> paths_of(const std::vector<entry>& entries) {
  std::vector<std::string> out;
  for (const auto& e : entries) out.push_back(e.path);
  return out;
}

std::vector<std::string> found_by(const workspace& w, const char* pattern,
                                  const std::string& path = {}) {
  auto found = find(w.open(), {path, *protocol::files::glob::parse(pattern)});
  CAF_REQUIRE_EQUAL(told(found), "ok");
  return paths_of(found->entries);
}

using texts = std::vector<std::string>;

constexpr auto no_time = std::chrono::milliseconds(0);

/// All names in the folder, also hidden ones.
std::size_t names_at(const std::string& folder) {
  std::size_t out = 0;
  for ([[maybe_unused]] auto& each : std::filesystem::directory_iterator(folder)) ++out;
  return out;
}

}  // namespace

// Invariant: pages of any size, put together, are the whole in its order.
CAF_TEST(what is no folder has nothing in it to list or find) {
  workspace w;
  workspace::put(w.at("output/f"), "x");
  std::filesystem::create_symlink("f", w.at("output/link"));
  for (auto path : {"output/f", "output/link"}) {
    auto listed = list(w.open(), {.path = path});
    CAF_CHECK_EQUAL(told(listed), "wrong_state");
    CAF_CHECK_EQUAL(listed.error().detail, "\"" + std::string(path) + "\" is no folder");
    glob_request any{path, *protocol::files::glob::parse("*"), 1};
    CAF_CHECK_EQUAL(told(find(w.open(), any)), "wrong_state");
  }
  CAF_CHECK_EQUAL(told(list(w.open(), {.path = "output/f/f"})), "file_not_found");
  CAF_CHECK_EQUAL(told(list(w.open(), {.path = "output/none"})), "file_not_found");
}

CAF_TEST(a listing comes in pages that fit together) {
  workspace w;
  for (auto path : {"output/a b", "output/a/x/deep", "output/a/y", "output/b"})
    CAF_REQUIRE_EQUAL(told(put_whole(w.open(), path, "x")), "ok");
  auto whole = list(w.open(), {"output", 64, 1'000, {}});
  CAF_REQUIRE_EQUAL(told(whole), "ok");
  CAF_CHECK_EQUAL(paths_of(whole->entries), (texts{"output/a", "output/a/x", "output/a/x/deep",
                                                   "output/a/y", "output/a b", "output/b"}));
  auto flat = list(w.open(), {"output", 1, 1'000, {}});
  CAF_CHECK_EQUAL(flat->entries.size(), 3u);
  for (std::size_t limit : {1, 2, 5, 6}) {
    texts all;
    std::string after;
    do {
      auto page = list(w.open(), {"output", 64, limit, after});
      CAF_REQUIRE_EQUAL(told(page), "ok");
      for (auto& path : paths_of(page->entries)) all.push_back(path);
      after = *protocol::files::parse_cursor(page->next);
    } while (!after.empty() && all.size() < 100);
    CAF_CHECK_EQUAL(all, paths_of(whole->entries));
  }
}

CAF_TEST(the bytewise order of names is that of a walk) {
  workspace w;
  for (auto path : {"output/a b", "output/a", "output/a-"})
    std::filesystem::create_directories(w.at(path) + "/x");
  auto listed = list(w.open(), {"output", 64, 1'000, {}});
  auto all = paths_of(listed->entries);
  CAF_CHECK(std::ranges::is_sorted(all, protocol::files::lies_before));
}

CAF_TEST(a move within a zone keeps the file and one between zones makes another) {
  workspace w;
  (void)put_whole(w.open(), "output/f", "text");
  CAF_CHECK_EQUAL(told(move(w.open(), {"output/f", "output/deep/g"})), "ok");
  std::filesystem::create_hard_link(w.at("output/deep/g"), w.at("output/other name"));
  CAF_CHECK_EQUAL(told(move(w.open(), {"output/deep/g", "upload/g"})), "ok");
  workspace::put(w.at("output/other name"), "changed");
  CAF_CHECK_EQUAL(workspace::text(w.at("upload/g")), "text");
  CAF_CHECK(!std::filesystem::exists(w.at("output/deep/g")));
}

CAF_TEST(a transfer replaces only what it may) {
  workspace w;
  for (auto path : {"a", "b", "folder/x"}) (void)put_whole(w.open(), path, path);
  for (auto* work : {gateways::files::move, gateways::files::copy}) {
    CAF_CHECK_EQUAL(told(work(w.open(), {"a", "b"})), "already_exists");
    CAF_CHECK_EQUAL(told(work(w.open(), {"a", "folder", true})), "wrong_state");
    CAF_CHECK_EQUAL(told(work(w.open(), {"folder", "folder/in/itself"})), "wrong_state");
    CAF_CHECK_EQUAL(told(work(w.open(), {"none", "c"})), "file_not_found");
    CAF_CHECK_EQUAL(told(work(w.open(), {"a", ".store/a"})), "zone_append_only");
  }
  CAF_CHECK_EQUAL(told(move(w.open(), {"output", "b2"})), "zone_read_only");
  CAF_CHECK_EQUAL(told(copy(w.open(), {"a", "b", true})), "ok");
  CAF_CHECK_EQUAL(workspace::text(w.at("b")), "a");
}

CAF_TEST(a folder is copied with its links as links and without its pipes) {
  workspace w;
  (void)put_whole(w.open(), "output/from/in/f", "text");
  ::mkfifo(w.at("output/from/pipe").c_str(), 0666);
  std::filesystem::create_symlink(w.outside, w.at("output/from/link"));
  CAF_CHECK_EQUAL(told(copy(w.open(), {"output/from", "deploy/to"})), "ok");
  CAF_CHECK_EQUAL(workspace::text(w.at("deploy/to/in/f")), "text");
  CAF_CHECK(std::filesystem::is_symlink(w.at("deploy/to/link")));
  CAF_CHECK(!std::filesystem::exists(w.at("deploy/to/pipe")));
}

// Invariant: a copy that fails leaves nothing, also no hidden name.
CAF_TEST(a copy ends at each of its bounds and leaves nothing) {
  workspace w;
  for (auto path : {"output/from/a", "output/from/b", "output/from/in/c"})
    (void)put_whole(w.open(), path, std::string(1'000, 'x'));
  auto tell = [&](const bounds& b) {
    auto out = told(copy(w.open(), {"output/from", "deploy/to", false, b}));
    if (out != "ok") CAF_CHECK_EQUAL(names_at(w.at("deploy")), 0u);
    return out;
  };
  CAF_CHECK_EQUAL(tell({.entries = 4}), "wrong_state");
  CAF_CHECK_EQUAL(tell({.bytes = 2'999}), "disk_quota");
  CAF_CHECK_EQUAL(tell({.time = no_time}), "timed_out");
  CAF_CHECK_EQUAL(tell({.entries = 5, .bytes = 3'000}), "ok");
  CAF_CHECK_EQUAL(names_at(w.at("deploy")), 1u);
}

CAF_TEST(a move between zones that fails at a bound leaves all where it was) {
  workspace w;
  (void)put_whole(w.open(), "output/from/a", "text");
  auto moved = move(w.open(), {"output/from", "upload/to", false, {.bytes = 3}});
  CAF_CHECK_EQUAL(told(moved), "disk_quota");
  CAF_CHECK_EQUAL(workspace::text(w.at("output/from/a")), "text");
  CAF_CHECK_EQUAL(names_at(w.at("upload")), 0u);
}

CAF_TEST(a copy of a file with holes has them too) {
  workspace w;
  constexpr std::uint64_t size = 1'000'000'000;
  workspace::put(w.at("output/f"), "start");
  std::filesystem::resize_file(w.at("output/f"), size);
  auto copied = copy(w.open(), {"output/f", "output/g", false, {.bytes = 1 << 20}});
  CAF_REQUIRE_EQUAL(told(copied), "ok");
  CAF_CHECK_EQUAL(copied->size_bytes, size);
  struct stat found {};
  CAF_REQUIRE_EQUAL(::stat(w.at("output/g").c_str(), &found), 0);
  CAF_CHECK_LESS(found.st_blocks * 512, 2 << 20);
  std::string start(5, ' ');
  std::ifstream(w.at("output/g"), std::ios::binary).read(start.data(), 5);
  CAF_CHECK_EQUAL(start, "start");
}

CAF_TEST(a copy that a link leads into what is copied ends) {
  workspace w;
  (void)put_whole(w.open(), "output/from/f", "text");
  std::filesystem::create_directory_symlink("from", w.at("output/link"));
  CAF_CHECK_EQUAL(told(copy(w.open(), {"output/from", "output/link/copy"})), "ok");
  CAF_CHECK_EQUAL(names_at(w.at("output/from")), 2u);
  CAF_CHECK_EQUAL(names_at(w.at("output/from/copy")), 1u);
  CAF_CHECK_EQUAL(workspace::text(w.at("output/from/copy/f")), "text");
}

CAF_TEST(work that nobody wants any more or that the daemon ends stops) {
  workspace w;
  (void)put_whole(w.open(), "output/from/f", "text");
  std::atomic<bool> yes{true}, no{false};
  for (auto [unwanted, stopping] : {std::pair(&yes, &no), std::pair(&no, &yes)}) {
    auto in = root::open(w.inside, protocol::sandbox_mode::agent, unwanted, stopping);
    CAF_REQUIRE_EQUAL(told(in), "ok");
    CAF_CHECK_EQUAL(told(copy(*in, {"output/from", "deploy/to"})), "draining");
    CAF_CHECK_EQUAL(told(remove_all(*in, "output/from")), "draining");
  }
  CAF_CHECK_EQUAL(workspace::text(w.at("output/from/f")), "text");
  CAF_CHECK_EQUAL(names_at(w.at("deploy")), 0u);
}

CAF_TEST(what is copied into a zone that code only reads can be read) {
  workspace w;
  (void)put_whole(w.open(), "output/f", "text");
  ::chmod(w.at("output/f").c_str(), 0700);
  auto mode_of = [&](const char* path) {
    struct stat found {};
    return ::stat(w.at(path).c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
  };
  CAF_CHECK_EQUAL(told(copy(w.open(), {"output/f", "upload/f"})), "ok");
  CAF_CHECK_EQUAL(told(copy(w.open(), {"output/f", "deploy/f"})), "ok");
  CAF_CHECK_EQUAL(mode_of("upload/f"), 0744u);
  CAF_CHECK_EQUAL(mode_of("deploy/f"), 0700u);
}

CAF_TEST(a link takes the place of a file and a pipe is not copied) {
  workspace w;
  (void)put_whole(w.open(), "output/f", "text");
  std::filesystem::create_symlink("nowhere", w.at("output/link"));
  ::mkfifo(w.at("output/pipe").c_str(), 0666);
  CAF_CHECK_EQUAL(told(copy(w.open(), {"output/link", "output/f", true})), "ok");
  CAF_CHECK(std::filesystem::is_symlink(w.at("output/f")));
  CAF_CHECK_EQUAL(told(copy(w.open(), {"output/pipe", "output/g"})), "wrong_state");
  CAF_CHECK_EQUAL(names_at(w.at("output")), 3u);
}

CAF_TEST(removing ends at its bounds) {
  workspace w;
  for (auto path : {"output/d/a", "output/d/b"}) (void)put_whole(w.open(), path, "x");
  CAF_CHECK_EQUAL(told(remove_all(w.open(), "output/d", {.entries = 3})), "wrong_state");
  CAF_CHECK_EQUAL(told(remove_all(w.open(), "output/d", {.time = no_time})), "timed_out");
  CAF_CHECK_EQUAL(told(remove_all(w.open(), "output/d")), "ok");
  CAF_CHECK_EQUAL(names_at(w.at("output")), 0u);
}

CAF_TEST(a time that no clock shows is one that can be told) {
  workspace w;
  struct stat s {};
  s.st_mode = S_IFREG;
  s.st_mtim.tv_sec = std::numeric_limits<decltype(s.st_mtim.tv_sec)>::max();
  CAF_CHECK_EQUAL(w.open().describe("f", s).modified_at, 253'402'300'799'000);
  s.st_mtim.tv_sec = std::numeric_limits<decltype(s.st_mtim.tv_sec)>::min();
  CAF_CHECK_EQUAL(w.open().describe("f", s).modified_at, -62'135'596'800'000);
}

CAF_TEST(removing takes a folder with all in it and not what a link leads to) {
  workspace w;
  (void)put_whole(w.open(), "output/d/a/b/f", "x");
  std::filesystem::create_symlink(w.outside + "/folder", w.at("output/d/link"));
  CAF_CHECK_EQUAL(told(remove_one(w.open(), "output/d", {})), "wrong_state");
  auto removed = remove_all(w.open(), "output/d");
  CAF_REQUIRE_EQUAL(told(removed), "ok");
  CAF_CHECK_EQUAL(*removed, 5u);
  CAF_CHECK_EQUAL(workspace::text(w.outside + "/folder/secret"), "secret");
  CAF_CHECK_EQUAL(told(remove_all(w.open(), "output")), "zone_read_only");
  CAF_CHECK_EQUAL(told(remove_all(w.open(), "")), "zone_read_only");
}

CAF_TEST(a folder that is there is not made again and a file is in its way) {
  workspace w;
  auto first = make(w.open(), "a/b"), second = make(w.open(), "a/b");
  CAF_CHECK(first && first->created);
  CAF_CHECK(second && !second->created);
  (void)put_whole(w.open(), "f", "x");
  CAF_CHECK_EQUAL(told(make(w.open(), "f")), "already_exists");
  CAF_CHECK_EQUAL(told(make(w.open(), "f/g")), "wrong_state");
}

CAF_TEST(patterns find paths below the folder that is named) {
  workspace w;
  for (auto path : {"output/a.py", "output/x/b.py", "output/x/c.txt"})
    (void)put_whole(w.open(), path, "x");
  CAF_CHECK_EQUAL(found_by(w, "**/*.py"), (texts{"output/a.py", "output/x/b.py"}));
  CAF_CHECK_EQUAL(found_by(w, "*.py", "output"), (texts{"output/a.py"}));
  CAF_CHECK_EQUAL(found_by(w, "x/*", "output"), (texts{"output/x/b.py", "output/x/c.txt"}));
}

CAF_TEST(lines are found with their places up to a bound) {
  workspace w;
  (void)put_whole(w.open(), "output/a", "one\ntwo two\n");
  (void)put_whole(w.open(), "output/b", "two\n");
  (void)put_whole(w.open(), "output/binary", std::string_view("two\0", 4));
  std::filesystem::create_symlink(w.outside + "/secret", w.at("output/link"));
  auto found = grep(w.open(), {.path = "output", .pattern = "t[w]o"});
  CAF_REQUIRE_EQUAL(told(found), "ok");
  CAF_REQUIRE_EQUAL(found->lines.size(), 2u);
  CAF_CHECK_EQUAL(found->files, 2u);
  CAF_CHECK_EQUAL(found->lines[0].line, 2u);
  CAF_CHECK_EQUAL(found->lines[0].column, 1u);
  CAF_CHECK_EQUAL(found->stopped_by, "");
  auto one = grep(w.open(), {.path = "output", .pattern = "two", .limit = 1});
  CAF_CHECK_EQUAL(one->stopped_by, "matches");
  auto count = [&](const grep_request& what) {
    auto lines = grep(w.open(), what);
    return lines ? lines->lines.size() : 99;
  };
  CAF_CHECK_EQUAL(count({.path = "output/a", .pattern = "TWO", .ignore_case = true}), 1u);
  CAF_CHECK_EQUAL(count({.path = "output", .pattern = "t[w]o", .literal = true}), 0u);
  CAF_CHECK_EQUAL(count({.path = "output", .pattern = "secret"}), 0u);
  CAF_CHECK_EQUAL(told(grep(w.open(), {.path = "output", .pattern = "("})), "invalid_field");
}

CAF_TEST(an expression that explodes is refused in bounded time) {
  workspace w;
  (void)put_whole(w.open(), "output/a", std::string(2'000, 'a') + "\n");
  auto found = grep(w.open(), {.path = "output", .pattern = "^(a|a?)+$|(a*)*b"});
  CAF_CHECK(found || found.error().code == protocol::error_code::invalid_field);
}
