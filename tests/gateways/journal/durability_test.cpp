// What the disk and the operating system may do to the journal: real kills, real limits.
#define CAF_SUITE journal_durability

#include "tests/support/unit.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "gateways/journal/store.hpp"
#include "tests/gateways/journal/rows.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tests;
using namespace gateways;

namespace {

/// The program that writes into `folder`, its stdout in `output`.
pid_t start_writer(const std::string& folder, int output) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  std::string program = JOURNAL_WRITER;
  std::string argument = folder;
  char* argv[] = {program.data(), argument.data(), nullptr};
  pid_t pid = -1;
  auto failed = ::posix_spawn(&pid, program.c_str(), &files, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&files);
  CAF_REQUIRE_EQUAL(failed, 0);
  return pid;
}

/// While it lives, this process cannot make a file longer than `bytes`.
struct file_size_limit {
  explicit file_size_limit(rlim_t bytes) : before_handler(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, before_handler);
  }
  rlimit before{};
  sighandler_t before_handler;
};

/// A file system of one mebibyte, or none where mounting is not allowed.
struct small_disk {
  explicit small_disk(std::string at) : path(std::move(at)) {
    std::filesystem::create_directory(path);
    mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!mounted) CAF_MESSAGE("SKIPPED: mounting a small file system is not allowed here");
  }
  ~small_disk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  std::string path;
  bool mounted = false;
};

}  // namespace

CAF_TEST(what was answered as ended survives kill 9) {
  temp_dir dir;
  int pipe[2];
  CAF_REQUIRE_EQUAL(::pipe2(pipe, O_CLOEXEC), 0);
  auto child = start_writer(dir.path(), pipe[1]);
  ::close(pipe[1]);
  std::uint32_t last = 0;
  std::uint32_t read = 0;
  while (last < 500 && ::read(pipe[0], &read, sizeof read) == sizeof read) last = read;
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  CAF_REQUIRE(WIFSIGNALED(status));
  while (::read(pipe[0], &read, sizeof read) == sizeof read) last = read;
  ::close(pipe[0]);
  CAF_CHECK(last >= 500);

  store s(dir.path());
  CAF_REQUIRE(s.open());
  for (std::uint32_t i = 0; i <= last; ++i) {
    auto id = "exe_" + std::to_string(i);
    auto record = s.find_execution(id).value();
    if (!record || record->state != protocol::execution_state::ended) CAF_FAIL("lost " << id);
    if (s.last_event(id).value() != 2) CAF_FAIL("events lost of " << id);
  }
}

CAF_TEST(a full disk is told as full and writing goes on when there is space) {
  temp_dir dir;
  small_disk disk(dir / "disk");
  if (!disk.mounted) return;
  store s(disk.path);
  CAF_REQUIRE(s.open());
  pending_rows first;
  first.end(make_ended("exe_1", 1), 1, make_events(1, 1));
  CAF_REQUIRE(s.write(first));
  auto ballast = disk.path + "/ballast";
  std::ofstream(ballast) << std::string(2 << 20, 'x');  // as much as fits
  pending_rows rows;
  rows.end(make_ended("exe_2", 40), 1, make_events(1, 40, 4'000));
  auto refused = s.write(rows);
  CAF_REQUIRE(!refused);
  CAF_CHECK_EQUAL(name_of(refused.error().kind), "full");
  CAF_CHECK(s.find_execution("exe_1").value().has_value());
  CAF_CHECK(!s.find_execution("exe_2").value().has_value());
  std::filesystem::remove(ballast);
  CAF_CHECK(s.write(rows));
  CAF_CHECK_EQUAL(s.last_event("exe_2").value(), 40u);
}

CAF_TEST(a limit on file size is told as a fault and kills nobody) {
  temp_dir dir;
  store s(dir.path());
  CAF_REQUIRE(s.open());
  pending_rows rows;
  rows.end(make_ended("exe_2", 100), 1, make_events(1, 100, 4'000));
  {
    file_size_limit limit(200'000);
    auto refused = s.write(rows);
    CAF_REQUIRE(!refused);
    auto kind = refused.error().kind;
    CAF_CHECK(kind == disk_fault_kind::full || kind == disk_fault_kind::io);
  }
  CAF_CHECK(s.write(rows));
}

CAF_TEST(a file system that became read only is told so and can still be read) {
  temp_dir dir;
  small_disk disk(dir / "disk");
  if (!disk.mounted) return;
  {
    store s(disk.path);
    CAF_REQUIRE(s.open());
    pending_rows first;
    first.end(make_ended("exe_1", 1), 1, make_events(1, 1));
    CAF_REQUIRE(s.write(first));
  }
  CAF_REQUIRE_EQUAL(::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m"),
                    0);
  store s(disk.path);
  auto opened = s.open();
  CAF_REQUIRE(!opened);
  CAF_MESSAGE(opened.error().detail);
  auto kind = opened.error().kind;
  CAF_CHECK(kind == disk_fault_kind::read_only || kind == disk_fault_kind::cannot_open);
  CAF_REQUIRE_EQUAL(::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT, "size=1m"), 0);
  CAF_CHECK(s.open());
  CAF_CHECK(s.find_execution("exe_1").value().has_value());
}

CAF_TEST(a page that was overwritten is told as corrupt) {
  temp_dir dir;
  {
    store s(dir.path());
    CAF_REQUIRE(s.open());
    for (int i = 0; i < 50; ++i) {
      pending_rows rows;
      rows.end(make_ended("exe_" + std::to_string(i), 5), 1, make_events(1, 5, 1'000));
      CAF_REQUIRE(s.write(rows));
    }
  }
  {
    std::fstream file(dir / "journal.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8'192);
    auto size = std::filesystem::file_size(dir / "journal.db");
    file << std::string(size - 8'192, '\xff');
  }
  store s(dir.path());
  CAF_REQUIRE(s.open());
  auto read = s.find_execution("exe_7");
  CAF_REQUIRE(!read);
  CAF_CHECK_EQUAL(name_of(read.error().kind), "corrupt");
  auto moved_to = s.set_aside();
  CAF_CHECK(std::filesystem::exists(moved_to));
  CAF_REQUIRE(s.open());
  CAF_CHECK(!s.find_execution("exe_7").value().has_value());
}
