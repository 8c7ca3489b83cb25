#define CAF_SUITE files_search

// What walks and searches leave out, and that they say so.
#include "gateways/files/search.hpp"

#include <fcntl.h>

#include <atomic>

#include "gateways/files/tree.hpp"
#include "gateways/files/walk.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace gateways::files;

namespace {

glob_request everything() {
  return {"", *protocol::files::glob::parse("**")};
}

}  // namespace

CAF_TEST(a search of all there is is complete) {
  workspace w;
  workspace::put(w.at("output/f"), "text\n");
  auto found = find(w.open(), everything());
  CAF_REQUIRE_EQUAL(told(found), "ok");
  CAF_CHECK(found->complete);
  auto lines = grep(w.open(), {.path = "", .pattern = "text"});
  CAF_REQUIRE_EQUAL(told(lines), "ok");
  CAF_CHECK(lines->complete);
  auto some = grep(w.open(), {.path = "", .pattern = ".", .limit = 0});
  CAF_REQUIRE_EQUAL(told(some), "ok");
  CAF_CHECK(!some->complete);
}

CAF_TEST(folders that lie too deep make a search incomplete but not a listing that asks for less) {
  workspace w;
  std::string deep = "output";
  for (int i = 0; i < depth_max + 2; ++i) deep += "/d";
  std::filesystem::create_directories(w.at(deep));
  workspace::put(w.at(deep + "/f"), "text\n");
  auto found = find(w.open(), everything());
  CAF_REQUIRE_EQUAL(told(found), "ok");
  CAF_CHECK(!found->complete);
  CAF_CHECK_EQUAL(found->stopped_by, "");
  auto lines = grep(w.open(), {.path = "", .pattern = "text"});
  CAF_REQUIRE_EQUAL(told(lines), "ok");
  CAF_CHECK(!lines->complete);
  CAF_CHECK(lines->lines.empty());
  auto listed = list(w.open(), {"output", depth_max, 1'000, {}});
  CAF_REQUIRE_EQUAL(told(listed), "ok");
  CAF_CHECK(listed->complete);
}

CAF_TEST(paths that no request can name are left out and the listing says so) {
  workspace w;
  std::string path = "output";
  for (int i = 0; i < 8; ++i) path += "/" + std::string(250, 'n');
  std::filesystem::create_directories(w.at(path));
  CAF_REQUIRE(path.size() > protocol::files::path_bytes_max);
  auto listed = list(w.open(), {"output", depth_max, 1'000, {}});
  CAF_REQUIRE_EQUAL(told(listed), "ok");
  CAF_CHECK(!listed->complete);
  CAF_CHECK_EQUAL(listed->entries.size(), 6u);
  for (auto& e : listed->entries) CAF_CHECK(protocol::files::parse_path(e.path));
  auto found = find(w.open(), everything());
  CAF_REQUIRE_EQUAL(told(found), "ok");
  CAF_CHECK(!found->complete);
}

CAF_TEST(of a folder no more names are held than there is room for) {
  workspace w;
  for (auto name : {"a", "b", "c"}) workspace::put(w.at(name), "");
  gateways::descriptor folder(::open(w.inside.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bool complete = true;
  CAF_CHECK_EQUAL(names_in(folder.get(), 7, complete).size(), 7u);
  CAF_CHECK(complete);
  CAF_CHECK_EQUAL(names_in(folder.get(), 2, complete).size(), 2u);
  CAF_CHECK(!complete);
  complete = true;
  CAF_CHECK(names_in(folder.get(), 0, complete).empty());
  CAF_CHECK(!complete);
}

CAF_TEST(a file that is too large is not read and a pattern that is too long is refused) {
  workspace w;
  workspace::put(w.at("f"), "x");
  std::filesystem::resize_file(w.at("f"), std::uintmax_t{1} << 30);
  for (auto path : {"", "f"}) {
    auto found = grep(w.open(), {.path = path, .pattern = "x"});
    CAF_REQUIRE_EQUAL(told(found), "ok");
    CAF_CHECK_EQUAL(found->files, 0u);
  }
  auto with = [&](std::size_t size) {
    return told(grep(w.open(), {.path = "", .pattern = std::string(size, 'x')}));
  };
  CAF_CHECK_EQUAL(with(256), "ok");
  CAF_CHECK_EQUAL(with(257), "invalid_field");
}

CAF_TEST(of a long line the beginning is searched) {
  workspace w;
  workspace::put(w.at("f"), std::string(4'095, ' ') + "xy\n");
  auto count = [&](const char* pattern) {
    auto found = grep(w.open(), {.path = "f", .pattern = pattern});
    CAF_REQUIRE_EQUAL(told(found), "ok");
    return found->lines.size();
  };
  CAF_CHECK_EQUAL(count("x"), 1u);
  CAF_CHECK_EQUAL(count("y"), 0u);
}

CAF_TEST(a search that nobody waits for ends at once) {
  workspace w;
  workspace::put(w.at("f"), "x\nx\n");
  std::atomic<bool> unwanted = true;
  auto in = root::open(w.inside, protocol::sandbox_mode::agent, &unwanted);
  CAF_REQUIRE(in);
  auto found = grep(*in, {.path = "f", .pattern = "x"});
  CAF_REQUIRE_EQUAL(told(found), "ok");
  CAF_CHECK(found->lines.empty());
  CAF_CHECK(!found->complete);
}
