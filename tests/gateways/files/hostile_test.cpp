#define CAF_SUITE files_hostile

// A program in the sandbox changes the tree while the daemon works in it. Invariants: nothing
// outside the workspace is read, made, changed or removed; what lies in `upload/` changes only by
// requests that name it; nothing waits for a FIFO.
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "gateways/files/search.hpp"
#include "gateways/files/tree.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace gateways::files;

namespace {

namespace fs = std::filesystem;

/// Every path below `folder` with what it is.
std::string picture(const std::string& folder) {
  std::vector<std::string> lines;
  for (auto& e : fs::recursive_directory_iterator(folder))
    lines.push_back(e.path().string() + (e.is_directory() ? "/" : "=" + workspace::text(e.path())));
  std::ranges::sort(lines);
  std::string out;
  for (auto& line : lines) out += line + "\n";
  return out;
}

class hostile_tree {
 public:
  explicit hostile_tree(std::mt19937_64& random) : random_(random) {
    workspace::put(w.at("upload/given"), "given");
    for (int i = 0; i < 40; ++i) grow();
  }

  std::string any_path() {
    static constexpr const char* tops[] = {"output/", "deploy/", "", "", "output/"};
    std::string out = tops[random_() % 5];
    for (auto parts = random_() % 4; parts > 0; --parts) out += any_name() + "/";
    return out + any_name();
  }
  std::string any_name() { return std::string(1, "abcde"[random_() % 5]); }

  /// As a program in the sandbox would, which cannot make anything outside or in `upload/`.
  void grow() {
    auto path = w.at(any_path());
    std::error_code ec;
    auto parent = fs::weakly_canonical(fs::path(path).parent_path(), ec).string() + "/";
    if (ec || !parent.starts_with(w.inside + "/") || parent.starts_with(w.at("upload/")) ||
        parent.starts_with(w.at(".store/")) || fs::exists(fs::symlink_status(path, ec)))
      return;
    static constexpr const char* targets[] = {
        "..",  "../..",     "../../outside", "../../../outside",
        "a",   "../upload", "upload",        "../.store",
        "b/c", "/"};
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2: fs::create_directories(path, ec); break;
      case 3: workspace::put(path, "harmless"); break;
      case 4: ::mkfifo(path.c_str(), 0666); break;
      case 5: fs::create_symlink(targets[random_() % 10], path, ec); break;
      case 6: fs::create_symlink(w.outside, path, ec); break;
      default: fs::create_symlink(w.outside + "/secret", path, ec); break;
    }
  }

  /// One request with random paths; what a read brings.
  std::string act() {
    auto in = w.open();
    auto path = *protocol::files::parse_path(any_path());
    auto to = *protocol::files::parse_path(any_path());
    switch (random_() % 10) {
      case 0:
      case 1: return read_text(in, path);
      case 2: (void)put_whole(w.open(), path, "written"); break;
      case 3: (void)append(in, path, "+"); break;
      case 4: (void)edit(in, {path, "harmless", "changed", true}); break;
      case 5: (void)make(in, path); break;
      case 6: (void)gateways::files::move(in, {path, to, random_() % 2 == 0}); break;
      case 7: (void)copy(in, {path, to, random_() % 2 == 0}); break;
      case 8: (void)remove_all(in, path); break;
      default: {
        auto found = grep(in, {.path = path, .pattern = "secret"});
        return found && !found->lines.empty() ? "secret" : "";
      }
    }
    return {};
  }

  workspace w;

 private:
  std::mt19937_64& random_;
};

}  // namespace

CAF_TEST(random requests on random trees stay in the workspace) {
  std::mt19937_64 random(tests::seed());
  for (int round = 0; round < 30; ++round) {
    hostile_tree tree(random);
    auto outside = picture(tree.w.outside), given = picture(tree.w.at("upload"));
    for (int i = 0; i < 150; ++i) {
      if (i % 3 == 0) tree.grow();
      CAF_REQUIRE_EQUAL(tree.act().find("secret"), std::string::npos);
    }
    CAF_REQUIRE_EQUAL(picture(tree.w.outside), outside);
    CAF_REQUIRE_EQUAL(picture(tree.w.at("upload")), given);
    CAF_REQUIRE(fs::is_empty(tree.w.at(".store")));
  }
}

CAF_TEST(a folder that is exchanged with a link meanwhile lets nothing out) {
  workspace w;
  fs::create_directory(w.at("output/d"));
  workspace::put(w.at("output/d/secret"), "harmless");
  fs::create_symlink(w.outside, w.at("output/l"));
  auto before = picture(w.outside);
  std::atomic<bool> stop{false};
  std::thread program([&] {
    while (!stop)
      ::renameat2(AT_FDCWD, w.at("output/d").c_str(), AT_FDCWD, w.at("output/l").c_str(),
                  RENAME_EXCHANGE);
  });
  int read = 0, refused = 0, leaked = 0;
  auto in = w.open();
  for (int i = 0; i < 20'000; ++i) {
    auto text = read_text(in, "output/d/secret");
    read += text == "harmless";
    refused += text == "<path_escapes>";
    leaked += text == "secret";
    if (i % 20 != 0) continue;
    (void)put_whole(w.open(), "output/d/new", "x");
    (void)append(in, "output/d/log", "x");
    (void)remove_one(in, "output/d/new", {});
  }
  stop = true;
  program.join();
  CAF_MESSAGE("read " << read << ", refused " << refused);
  CAF_CHECK_EQUAL(leaked, 0);
  CAF_CHECK_EQUAL(picture(w.outside), before);
}
