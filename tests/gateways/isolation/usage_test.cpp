// What sandboxes use: trees of processes, sizes of folders, and who was killed at a limit.
#define CAF_SUITE usage

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gateways/isolation/boxes.hpp"
#include "gateways/isolation/disk_use.hpp"
#include "gateways/isolation/process_table.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/unit.hpp"

namespace fs = std::filesystem;
using gateways::process_table;

namespace {

void write_file(const std::string& path, std::size_t bytes) {
  std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
}

}  // namespace

CAF_TEST(each kill is claimed by one dead process) {
  gateways::memory_kills kills;
  CAF_CHECK(!kills.claim(0));
  CAF_CHECK(kills.claim(1));
  CAF_CHECK(!kills.claim(1));  // another that died by SIGKILL at the same time
  CAF_CHECK(kills.claim(3));
  CAF_CHECK(kills.claim(3));
  CAF_CHECK(!kills.claim(3));
}

CAF_TEST(a kill of some child is claimed by nobody later) {
  gateways::memory_kills kills;
  kills.settle(1);
  CAF_CHECK(kills.claim(1));  // its death may be noticed only now
  kills.settle(2);
  kills.settle(2);
  CAF_CHECK(!kills.claim(2));
  CAF_CHECK(kills.claim(3));
}

CAF_TEST(a line of stat is read whatever the process calls itself) {
  auto row = process_table::parse(
      "42 (a) R 7 (b)) S 41 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 6 0 99 1000000 25 "
      "18446744");
  CAF_REQUIRE(row);
  CAF_CHECK_EQUAL(row->parent, 41);
  CAF_CHECK_EQUAL(row->use.threads, 6u);
  CAF_CHECK_EQUAL(row->use.memory_bytes, 25u * static_cast<unsigned>(::sysconf(_SC_PAGESIZE)));
  CAF_CHECK_EQUAL(row->use.cpu_ms, 100.0 * 1'000 / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  for (auto* broken : {"", "42", "42 (a)", "42 (a) S", "42 (a) S 41 42", "no such thing"})
    CAF_CHECK(!process_table::parse(broken));
}

CAF_TEST(a tree has the process with all that descends from it) {
  int gate[2];
  CAF_REQUIRE(::pipe(gate) == 0);
  int child = ::fork();
  if (child == 0) {
    ::close(gate[1]);
    ::fork();
    char byte = 0;
    auto ended = ::read(gate[0], &byte, 1);
    ::_exit(ended == 0 ? 0 : 1);
  }
  ::close(gate[0]);
  std::vector<int> tree;
  for (int tries = 0; tries < 1'000 && tree.size() < 2; ++tries)
    tree = process_table::read().tree(child);
  CAF_REQUIRE_EQUAL(tree.size(), 2u);
  CAF_CHECK_EQUAL(tree[0], child);
  auto used = process_table::read().sum(tree);
  CAF_CHECK_EQUAL(used.threads, 2u);
  CAF_CHECK(used.memory_bytes > 0);
  auto shared_out = gateways::shared_out_memory(tree);
  CAF_CHECK(shared_out > 0 && shared_out < used.memory_bytes);
  CAF_CHECK(gateways::open_files_of(tree) >= 4);
  ::close(gate[1]);
  ::waitpid(child, nullptr, 0);
  CAF_CHECK(process_table::read().tree(child).empty());
}

CAF_TEST(a folder takes what its blocks take) {
  tests::temp_dir dir;
  fs::create_directories(dir / "a/b");
  write_file(dir / "a/b/file", 1 << 20);
  auto one = gateways::disk_use_of(dir.path());
  CAF_CHECK(one.whole);
  CAF_CHECK(one.bytes >= 1 << 20 && one.bytes < (1 << 20) + (1 << 16));
  fs::create_hard_link(dir / "a/b/file", dir / "again");
  fs::create_directory_symlink("/usr", dir / "elsewhere");
  auto linked = gateways::disk_use_of(dir.path());
  CAF_CHECK(linked.bytes < one.bytes + (1 << 16));
  ::truncate((dir / "hole").c_str(), 0);
  std::ofstream(dir / "hole").put('x');
  CAF_REQUIRE(::truncate((dir / "hole").c_str(), off_t{1} << 40) == 0);
  CAF_CHECK(gateways::disk_use_of(dir.path()).bytes < one.bytes + (1 << 17));
}

CAF_TEST(a tree too deep to walk is not taken for a small one) {
  tests::temp_dir dir;
  auto path = dir.path();
  for (int n = 0; n < 140; ++n) {
    path += "/d";
    CAF_REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  }
  CAF_CHECK(!gateways::disk_use_of(dir.path()).whole);
}

CAF_TEST(a folder for which we lack descriptors is not measured) {
  tests::temp_dir dir;
  fs::create_directory(dir / "below");
  rlimit before{};
  CAF_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  for (int left : {0, 1}) {  // none for the folder, or none for the one below
    rlimit scarce{static_cast<rlim_t>(next + left), before.rlim_max};
    CAF_REQUIRE(::setrlimit(RLIMIT_NOFILE, &scarce) == 0);
    auto found = gateways::disk_use_of(dir.path());
    ::setrlimit(RLIMIT_NOFILE, &before);
    CAF_CHECK(!found.measured);
    CAF_CHECK(found.whole);
  }
  CAF_CHECK(gateways::disk_use_of(dir.path()).measured);
}

CAF_TEST(a box without a group counts the processes that were started in it) {
  tests::temp_dir dir;
  config::isolation_options options;
  gateways::boxes all(options, nullptr, false);
  protocol::sandbox_spec spec{.id = "s"};
  CAF_REQUIRE(all.open(spec, dir.path()));
  CAF_CHECK_EQUAL(all.look("s", {}).processes, 0u);
  all.find("s")->began(::getpid(), "main");
  auto found = all.look("s", {.disk = true, .processes = true});
  CAF_CHECK(!found.grouped);
  CAF_CHECK(found.processes >= 1);
  CAF_CHECK(found.memory_bytes > 0);
  CAF_CHECK_EQUAL(found.largest, "main");
  CAF_CHECK(found.disk_measured && found.disk_whole);
  CAF_CHECK(found.open_files >= 3);
  spec.limit.memory_bytes = 1;
  auto refused = all.change("s", spec.limit);
  CAF_REQUIRE(refused.has_error());
  CAF_CHECK_EQUAL(to_string(refused.error().code), "wrong_state");
  spec.limit.memory_bytes = 1 << 30;
  CAF_CHECK(all.change("s", spec.limit).has_value());
  CAF_CHECK_EQUAL(all.find("s")->limit().memory_bytes, 1u << 30);
  all.find("s")->over(::getpid());
  CAF_CHECK_EQUAL(all.look("s", {}).processes, 0u);
  CAF_CHECK_EQUAL(all.look("no such sandbox", {.disk = true}).disk_measured, false);
}
