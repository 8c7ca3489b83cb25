#define CAF_SUITE files_watch

// The watches of real folders.
#include "gateways/files/watch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/gateways/files/workspace.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace gateways::files;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using texts = std::vector<std::string>;

namespace {

constexpr watch_limits quick{.watchers_max = 3, .folders_max = 20, .gather = 10ms, .keep = 60s};

class heard final : public gateways::reply_sink {
 public:
  void accepted(std::string cursor) override {
    change([&] { cursor_ = std::move(cursor); });
  }
  void events(std::uint64_t first, std::vector<protocol::buffer> events) override {
    change([&] {
      for (const auto& line : events) {
        auto e = nlohmann::json::parse(line.view());
        numbers_.push_back(first++);
        texts_.push_back(e["type"].get<std::string>() + " " + e["path"].get<std::string>());
        if (e.contains("reason")) texts_.back() += " : " + e["reason"].get<std::string>();
        cursor_ = e["cursor"].get<std::string>();
      }
    });
  }
  void answered(int, protocol::buffer, std::string) override {}
  void failed(protocol::fault f) override {
    change([&] { end_ = std::string(protocol::describe(f.code).name); });
  }
  void finished() override {
    change([&] { end_ = "finished"; });
  }

  /// Whether it is so within some seconds.
  template <class Condition>
  bool until(Condition holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, holds);
  }
  bool until_heard(const std::string& text) {
    return until([&] { return std::ranges::count(texts_, text) > 0; });
  }
  bool until_ready() {
    return until([&] { return !cursor_.empty() || !end_.empty(); }) && end_.empty();
  }
  std::string end() {
    until([&] { return !end_.empty(); });
    return end_;
  }
  protocol::files::change_cursor cursor() {
    std::lock_guard lock(mutex_);
    return *protocol::files::parse_change_cursor(cursor_, "");
  }
  std::set<std::string> all() {
    std::lock_guard lock(mutex_);
    return {texts_.begin(), texts_.end()};
  }
  std::vector<std::uint64_t> numbers() {
    std::lock_guard lock(mutex_);
    return numbers_;
  }

 private:
  template <class What>
  void change(What what) {
    std::lock_guard lock(mutex_);
    what();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string cursor_, end_;
  texts texts_;
  std::vector<std::uint64_t> numbers_;
};

struct watching {
  std::shared_ptr<heard> to = std::make_shared<heard>();
  std::unique_ptr<gateways::call_handle> handle;
  heard* operator->() const { return to.get(); }
};

struct fixture {
  workspace w;
  watch_service service{quick};

  watching follow(const std::string& path, bool recursive = true,
                  std::optional<protocol::files::change_cursor> since = {}) {
    watching out;
    out.handle = service.follow(
        {w.inside, protocol::sandbox_mode::agent, path, recursive, std::move(since)}, out.to);
    return out;
  }
};

std::size_t inotify_instances() {
  std::size_t out = 0;
  std::error_code ec;
  for (const auto& fd : fs::directory_iterator("/proc/self/fd"))
    out += fs::read_symlink(fd, ec).string().find("inotify") != std::string::npos;
  return out;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(files_watch_tests, fixture)

CAF_TEST(all that comes with a nest of folders is heard of) {
  auto in = follow("output");
  CAF_REQUIRE(in->until_ready());
  for (int round = 0; round < 5; ++round) {
    auto top = "output/" + std::to_string(round);
    fs::create_directories(w.at(top + "/b/c"));
    workspace::put(w.at(top + "/b/c/f"), "x");
    for (auto* below : {"", "/b", "/b/c", "/b/c/f"})
      CAF_CHECK(in->until_heard("created " + top + below));
    workspace::put(w.at(top + "/b/c/g"), "x");
    CAF_CHECK(in->until_heard("created " + top + "/b/c/g"));
  }
  fs::rename(w.at("output/1"), w.at("output/one"));
  CAF_CHECK(in->until_heard("moved output/one"));
  workspace::put(w.at("output/one/b/c/h"), "x");
  CAF_CHECK(in->until_heard("created output/one/b/c/h"));
  fs::rename(w.at("output/one"), w.outside + "/one");
  CAF_CHECK(in->until_heard("removed output/one"));
  workspace::put(w.outside + "/one/b/unheard", "x");
  workspace::put(w.at("output/last"), "x");
  CAF_CHECK(in->until_heard("created output/last"));
  for (const auto& text : in->all()) CAF_CHECK_EQUAL(text.find("unheard"), text.npos);
}

CAF_TEST(one folder alone is watched when nothing more is asked for) {
  fs::create_directory(w.at("output/d"));
  auto in = follow("output", false);
  CAF_REQUIRE(in->until_ready());
  workspace::put(w.at("output/d/f"), "x");
  workspace::put(w.at("output/f"), "x");
  CAF_CHECK(in->until_heard("created output/f"));
  CAF_CHECK_EQUAL(in->all().count("created output/d/f"), 0u);
}

CAF_TEST(links are told of and not followed) {
  CAF_CHECK_EQUAL(::symlink(w.outside.c_str(), w.at("output/link").c_str()), 0);
  CAF_CHECK_EQUAL(::symlink("output", w.at("inner").c_str()), 0);
  CAF_CHECK_EQUAL(follow("output/link")->end(), "path_escapes");
  CAF_CHECK_EQUAL(follow("output/link/folder")->end(), "path_escapes");
  CAF_CHECK_EQUAL(follow("inner")->end(), "path_escapes");
  auto in = follow("");
  CAF_REQUIRE(in->until_ready());
  workspace::put(w.outside + "/unheard", "x");
  CAF_CHECK_EQUAL(::symlink(w.outside.c_str(), w.at("output/new").c_str()), 0);
  CAF_CHECK(in->until_heard("created output/new"));
  workspace::put(w.outside + "/folder/unheard", "x");
  workspace::put(w.at("output/last"), "x");
  CAF_CHECK(in->until_heard("created output/last"));
  for (const auto& text : in->all()) CAF_CHECK_EQUAL(text.find("unheard"), text.npos);
}

CAF_TEST(what is no folder or too much is refused) {
  workspace::put(w.at("output/f"), "x");
  CAF_CHECK_EQUAL(follow("none")->end(), "file_not_found");
  CAF_CHECK_EQUAL(follow("output/f")->end(), "wrong_state");
  CAF_CHECK_EQUAL(follow("output/f/f")->end(), "file_not_found");
  for (int i = 0; i < 20; ++i) fs::create_directory(w.at("output/" + std::to_string(i)));
  CAF_CHECK_EQUAL(follow("output")->end(), "wrong_state");
  auto in = follow("output", false);
  CAF_CHECK(in->until_ready());
}

CAF_TEST(folders beyond the bound are an overflow) {
  auto in = follow("output");
  CAF_REQUIRE(in->until_ready());
  for (int i = 0; i < 30; ++i) fs::create_directory(w.at("output/" + std::to_string(i)));
  CAF_CHECK(in->until_heard("overflow output : folders"));
}

CAF_TEST(readers share a watcher and one that comes back loses nothing) {
  auto first = follow("output");
  CAF_REQUIRE(first->until_ready());
  workspace::put(w.at("output/a"), "x");
  CAF_REQUIRE(first->until_heard("created output/a"));
  auto seen = first->cursor();
  first.handle.reset();
  workspace::put(w.at("output/b"), "x");
  auto again = follow("output", true, seen);
  CAF_CHECK(again->until_heard("created output/b"));
  auto numbers = again->numbers();
  CAF_CHECK_EQUAL(numbers.front(), seen.n + 1);
  auto second = follow("output");
  CAF_REQUIRE(second->until_ready());
  workspace::put(w.at("output/c"), "x");
  CAF_CHECK(again->until_heard("created output/c"));
  CAF_CHECK(second->until_heard("created output/c"));
  CAF_CHECK_EQUAL(second->all().count("created output/b"), 0u);
  CAF_CHECK_EQUAL(again->cursor().feed, seen.feed);
  auto lost = follow("output", true, protocol::files::change_cursor{"1", 7});
  CAF_CHECK(lost->until_heard("overflow output : cursor"));
  workspace::put(w.at("output/d"), "x");
  CAF_CHECK(lost->until_heard("created output/d"));
}

CAF_TEST(a folder that goes ends its streams and another of its name begins anew) {
  fs::create_directories(w.at("output/d/e"));
  auto removed = follow("output/d/e");
  CAF_REQUIRE(removed->until_ready());
  fs::remove(w.at("output/d/e"));
  CAF_CHECK_EQUAL(removed->end(), "finished");
  CAF_CHECK(removed->until_heard("removed output/d/e"));
  fs::create_directory(w.at("output/d/e"));
  auto moved = follow("output/d/e", true, removed->cursor());
  CAF_CHECK(moved->until_heard("overflow output/d/e : cursor"));
  fs::rename(w.at("output/d"), w.at("output/c"));
  CAF_CHECK_EQUAL(moved->end(), "finished");
  auto all = follow("");
  CAF_REQUIRE(all->until_ready());
  fs::remove_all(w.inside);
  CAF_CHECK_EQUAL(all->end(), "finished");
  CAF_CHECK_EQUAL(follow("")->end(), "wrong_state");
}

CAF_TEST(there are only so many watchers and idle ones make room) {
  auto before = inotify_instances();
  {
    watch_service few(quick);
    std::vector<watching> held;
    for (auto* path : {"", "output", "upload", "deploy"}) {
      auto& one = held.emplace_back();
      one.handle = few.follow({w.inside, protocol::sandbox_mode::agent, path}, one.to);
      if (held.size() <= 3) CAF_CHECK(one->until_ready());
    }
    CAF_CHECK_EQUAL(held.back()->end(), "unavailable");
    CAF_CHECK_EQUAL(inotify_instances(), before + 3);
    held[1].handle.reset();
    watching next;
    next.handle = few.follow({w.inside, protocol::sandbox_mode::agent, "deploy"}, next.to);
    CAF_CHECK(next->until_ready());
    CAF_CHECK_EQUAL(inotify_instances(), before + 3);
  }
  CAF_CHECK_EQUAL(inotify_instances(), before);
}

CAF_TEST_FIXTURE_SCOPE_END()
