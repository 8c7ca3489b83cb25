#define CAF_SUITE watched_tree

#include "gateways/files/watched_tree.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/unit.hpp"

using namespace gateways::files;
using texts = std::vector<std::string>;

namespace {

const std::string hidden = ".troupe-0123456789abcdef0123456789abcdef";

/// The folders `top` (watch 1), `top/a` (2) and `top/a/b` (3).
struct fixture {
  watched_tree tree{true};
  protocol::files::change_feed feed{"7", "top"};

  fixture() {
    tree.put(1, "top");
    tree.put(2, "top/a");
    tree.put(3, "top/a/b");
  }
  void take(int watch, std::uint32_t mask, std::string_view name, std::uint32_t cookie = 0) {
    tree.take({watch, mask, cookie, name}, feed);
  }
  texts told() {
    texts out;
    for (const auto& line :
         feed.tell(0, [](const auto&) { return protocol::files::kind::file; }).lines) {
      auto e = nlohmann::json::parse(line.view());
      out.push_back(e["type"].get<std::string>() + " " + e["path"].get<std::string>());
      if (e.contains("from")) out.back() += " < " + e["from"].get<std::string>();
    }
    return out;
  }
  texts entered() {
    auto paths = tree.entered();
    return {paths.begin(), paths.end()};
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(watched_tree_tests, fixture)

CAF_TEST(records are read as the kernel lays them out) {
  auto record = [](int watch, std::uint32_t mask, std::string_view name) {
    inotify_event head{};
    head.wd = watch;
    head.mask = mask;
    head.cookie = 9;
    head.len = name.empty() ? 0 : 16;
    std::string out(reinterpret_cast<const char*>(&head), sizeof head);
    return out.append(name).append(head.len - name.size(), '\0');
  };
  const auto bytes =
      record(1, IN_CREATE, "name") + record(2, IN_IGNORED, "") + record(3, IN_DELETE, "other");
  auto read = records_in(bytes);
  CAF_REQUIRE_EQUAL(read.size(), 3u);
  CAF_CHECK_EQUAL(read[0].name, "name");
  CAF_CHECK_EQUAL(read[0].cookie, 9u);
  CAF_CHECK_EQUAL(read[1].name, "");
  CAF_CHECK_EQUAL(read[2].watch, 3);
  CAF_CHECK_EQUAL(read[2].name, "other");
}

CAF_TEST(a record becomes a change at its path and a new folder is to be entered) {
  take(1, IN_CREATE, "f");
  take(3, IN_CLOSE_WRITE, "g");
  take(2, IN_DELETE | IN_ISDIR, "gone");
  take(3, IN_CREATE | IN_ISDIR, "new");
  take(99, IN_CREATE, "of a watch given back");
  CAF_CHECK_EQUAL(told(), (texts{"created top/f", "modified top/a/b/g", "removed top/a/gone",
                                 "created top/a/b/new"}));
  CAF_CHECK_EQUAL(entered(), (texts{"top/a/b/new"}));
  CAF_CHECK(entered().empty());
}

CAF_TEST(a folder that moves in the tree keeps its watches under its new path) {
  take(1, IN_MOVED_FROM | IN_ISDIR, "a", 5);
  take(3, IN_CREATE, "meanwhile");
  take(1, IN_MOVED_TO | IN_ISDIR, "z", 5);
  take(3, IN_CREATE, "f");
  CAF_CHECK_EQUAL(told(),
                  (texts{"moved top/z < top/a", "created top/a/b/meanwhile", "created top/z/b/f"}));
  CAF_CHECK_EQUAL(entered(), (texts{"top/z"}));
  CAF_CHECK(tree.settle().empty());
}

CAF_TEST(a folder that moves out is removed and its watches are given back) {
  take(1, IN_MOVED_FROM | IN_ISDIR, "a", 5);
  take(1, IN_CREATE | IN_ISDIR, "a");
  tree.put(4, "top/a");
  CAF_CHECK_EQUAL(told(), (texts{"removed top/a", "created top/a"}));
  auto back = tree.settle();
  std::ranges::sort(back);
  CAF_CHECK_EQUAL(back, (std::vector<int>{2, 3}));
  take(3, IN_CREATE, "unheard");
  take(4, IN_CREATE, "f");
  take(1, IN_MOVED_TO | IN_ISDIR, "late", 5);
  CAF_CHECK_EQUAL(told(), (texts{"created top/a/f", "created top/late"}));
}

CAF_TEST(files of ours are told of once they are whole) {
  take(1, IN_CREATE, hidden);
  take(1, IN_CLOSE_WRITE, hidden);
  take(1, IN_MOVED_FROM, hidden, 5);
  take(1, IN_MOVED_TO, "f", 5);
  take(1, IN_CREATE | IN_ISDIR, hidden);
  take(1, IN_MOVED_FROM | IN_ISDIR, hidden, 6);
  take(1, IN_MOVED_TO | IN_ISDIR, "d", 6);
  take(2, IN_DELETE, hidden);
  CAF_CHECK_EQUAL(told(), (texts{"modified top/f", "created top/d"}));
  CAF_CHECK_EQUAL(entered(), (texts{"top/d"}));
  CAF_CHECK(!is_hidden(".troupe-x"));
  CAF_CHECK(!is_hidden(hidden + "0"));
}

CAF_TEST(lost records are told and what is not met again is given back) {
  take(-1, IN_Q_OVERFLOW, "");
  CAF_CHECK_EQUAL(told(), (texts{"overflow top"}));
  CAF_CHECK(tree.lost());
  CAF_CHECK(!tree.lost());
  tree.begin_round();
  CAF_CHECK(!tree.put(1, "top"));
  CAF_CHECK(!tree.put(3, "top/c"));
  CAF_CHECK(tree.put(4, "top/d"));
  CAF_CHECK_EQUAL(tree.end_round(), (std::vector<int>{2}));
  take(3, IN_CREATE, "f");
  CAF_CHECK_EQUAL(told(), (texts{"created top/c/f"}));
}

CAF_TEST(the end of the first folder is the end) {
  take(3, IN_IGNORED, "");
  CAF_CHECK(!tree.gone());
  CAF_CHECK_EQUAL(tree.size(), 2u);
  take(1, IN_IGNORED, "");
  CAF_CHECK(tree.gone());
}

CAF_TEST(a tree of one folder enters no other) {
  watched_tree flat(false);
  flat.put(1, "top");
  flat.take({1, IN_CREATE | IN_ISDIR, 0, "d"}, feed);
  CAF_CHECK_EQUAL(told(), (texts{"created top/d"}));
  CAF_CHECK(flat.entered().empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
