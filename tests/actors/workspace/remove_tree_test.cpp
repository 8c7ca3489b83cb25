// Hostile trees: deeper than there are descriptors, closed, with links to what must stay.
#define CAF_SUITE remove_tree

#include "actors/workspace/remove_tree.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/unit.hpp"

namespace {

namespace fs = std::filesystem;

struct world {
  std::string top = "/tmp/troupe-tree-test-XXXXXX";
  fs::path tree, kept;
  world() {
    CAF_REQUIRE(::mkdtemp(top.data()) != nullptr);
    tree = fs::path(top) / "tree";
    kept = fs::path(top) / "kept";
    fs::create_directories(tree);
    fs::create_directories(kept);
    std::ofstream(kept / "file") << "kept";
  }
  ~world() { fs::remove_all(top); }
};

void dig(const fs::path& from, int depth) {
  int at = ::open(from.c_str(), O_RDONLY | O_DIRECTORY);
  for (int n = 0; n < depth; ++n) {
    CAF_REQUIRE_EQUAL(::mkdirat(at, "deeper", 0755), 0);
    int next = ::openat(at, "deeper", O_RDONLY | O_DIRECTORY);
    ::close(at);
    at = next;
  }
  ::close(at);
}

}  // namespace

CAF_TEST(a tree deeper than there are descriptors is removed) {
  world w;
  dig(w.tree, 3'000);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit few{64, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  int error = actors::remove_tree(w.tree);
  ::setrlimit(RLIMIT_NOFILE, &before);
  CAF_CHECK_EQUAL(error, 0);
  CAF_CHECK(!fs::exists(w.tree));
}

CAF_TEST(links are removed and not followed and closed folders are opened) {
  world w;
  fs::create_directories(w.tree / "closed" / "inner" / "innermost");
  fs::create_directory_symlink(w.kept, w.tree / "folder");
  fs::create_directory_symlink(w.kept, w.tree / "closed" / "inner" / "folder");
  std::ofstream(w.tree / "closed" / "inner" / ".removed-1") << "in the way";
  ::mkfifo((w.tree / "pipe").c_str(), 0600);
  ::chmod((w.tree / "closed" / "inner").c_str(), 0);
  ::chmod((w.tree / "closed").c_str(), 0);
  CAF_CHECK_EQUAL(actors::remove_tree(w.tree), 0);
  CAF_CHECK(!fs::exists(w.tree));
  CAF_CHECK(fs::exists(w.kept / "file"));
}

CAF_TEST(only the content may be asked for and what is not there has been removed) {
  world w;
  std::ofstream(w.tree / "file") << "text";
  fs::create_directories(w.tree / "folder" / "folder");
  ::chmod(w.tree.c_str(), 0755);
  CAF_CHECK_EQUAL(actors::remove_content(w.tree), 0);
  CAF_CHECK(fs::is_empty(w.tree));
  CAF_CHECK(fs::status(w.tree).permissions() == fs::perms(0755));
  CAF_CHECK_EQUAL(actors::remove_tree(w.tree / "nothing"), 0);
  CAF_CHECK_EQUAL(actors::remove_tree(w.tree), 0);
  CAF_CHECK(!fs::exists(w.tree));
}
