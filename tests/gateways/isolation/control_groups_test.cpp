#define CAF_SUITE control_groups

#include "gateways/isolation/control_groups.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <thread>

#include "tests/support/temp_dir.hpp"
#include "tests/support/unit.hpp"

namespace {

constexpr auto v2_mount = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n";
constexpr auto hybrid_mounts =
    "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "33 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

std::string no_controllers(const std::string&) {
  return "\n";
}

}  // namespace

CAF_TEST(version 2 is taken with the controllers that its node has) {
  auto place = gateways::place_of(
      "0::/system.slice/troupe.service\n", v2_mount, [](const std::string& folder) {
        CAF_CHECK_EQUAL(folder, "/sys/fs/cgroup/system.slice/troupe.service");
        return std::string("cpu memory pids\n");
      });
  CAF_CHECK(place.v2);
  CAF_CHECK_EQUAL(place.folders.size(), 3u);
  CAF_CHECK_EQUAL(place.folders["pids"], "/sys/fs/cgroup/system.slice/troupe.service");
}

CAF_TEST(a hybrid host whose version 2 has no controllers gives version 1) {
  auto place = gateways::place_of("4:memory:/a/b\n8:pids:/\n1:cpu,cpuacct:/\n0::/\n", hybrid_mounts,
                                  no_controllers);
  CAF_CHECK(!place.v2);
  CAF_CHECK_EQUAL(place.folders["memory"], "/sys/fs/cgroup/memory/a/b");
  CAF_CHECK_EQUAL(place.folders["pids"], "/sys/fs/cgroup/pids");
  CAF_CHECK_EQUAL(place.folders["cpu"], "/sys/fs/cgroup/cpu,cpuacct");
}

CAF_TEST(without any there is no place) {
  CAF_CHECK(gateways::place_of("0::/\n", "", no_controllers).folders.empty());
  CAF_CHECK(gateways::place_of("", "nonsense\n\n - \n", no_controllers).folders.empty());
}

CAF_TEST(whoever holds on to a removed group leaves the next of its name alone) {
  tests::temp_dir dir;
  auto group = std::make_unique<gateways::control_group>(
      gateways::group_place{false, {{"memory", dir.path()}}}, "box-s");
  std::filesystem::create_directory(dir / "box-s");
  group->remove();
  CAF_CHECK(!std::filesystem::exists(dir / "box-s"));
  std::filesystem::create_directory(dir / "box-s");
  group.reset();
  CAF_CHECK(std::filesystem::exists(dir / "box-s"));
}

// -- the machine's own, where it has some
// ----------------------------------------------------------

namespace {

/// A shell that joins the group, then runs `then`; its number.
pid_t start_in(const gateways::control_group& group, const std::string& then) {
  std::string script;
  for (auto& file : group.join_files()) script += "echo 0 > " + file + " && ";
  script += then;
  std::array<char*, 4> argv{const_cast<char*>("sh"), const_cast<char*>("-c"), script.data()};
  pid_t pid = 0;
  CAF_REQUIRE_EQUAL(::posix_spawn(&pid, "/bin/sh", nullptr, nullptr, argv.data(), environ), 0);
  return pid;
}

int end_of(pid_t pid) {
  int status = 0;
  CAF_REQUIRE_EQUAL(::waitpid(pid, &status, 0), pid);
  return status;
}

struct groups_fixture {
  gateways::control_groups groups{"test-" + std::to_string(::getpid())};
  bool there = groups.missing().empty();

  std::unique_ptr<gateways::control_group> make(const protocol::limits& limit) {
    auto made = groups.make("box-t", limit);
    CAF_REQUIRE(made);
    return std::move(*made);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(control_groups_of_this_machine, groups_fixture)

CAF_TEST(a removed group ends whatever is in it) {
  if (!there) return;
  auto group = make({});
  auto pid = start_in(*group, "setsid -f sleep 600; sleep 600");
  while (group->processes().size() < 3) std::this_thread::yield();
  CAF_CHECK_GREATER_OR_EQUAL(group->usage().processes, 3u);
  CAF_CHECK_GREATER(group->usage().memory_bytes, 0u);
  group->remove();
  CAF_CHECK_EQUAL(WTERMSIG(end_of(pid)), SIGKILL);
  CAF_CHECK(!std::filesystem::exists(group->join_files().front()));
}

CAF_TEST(what a group refuses and ends is counted) {
  if (!there) return;
  auto group = make({.memory_bytes = 64 << 20, .processes = 8});
  auto pid = start_in(*group, "exec tail /dev/zero");
  end_of(pid);
  CAF_CHECK_GREATER(group->refused().memory_kills, 0u);
  CAF_CHECK_GREATER(group->memory_peak_bytes(), 32u << 20);
  pid = start_in(*group, "for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; wait");
  while (group->refused().processes == 0) std::this_thread::yield();
  group->remove();
  end_of(pid);
}

CAF_TEST(limits of a group that is used go up and down and its time is counted) {
  if (!there) return;
  auto group = make({.memory_bytes = 64 << 20, .cpus = 0.5});
  for (auto bytes : {256U << 20, 32U << 20}) {
    protocol::limits changed{.memory_bytes = bytes, .cpus = 0};
    CAF_CHECK(group->set_limits(changed));
  }
  end_of(start_in(*group, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"));
  CAF_CHECK_GREATER(group->cpu_ms(), 0.0);
}

CAF_TEST_FIXTURE_SCOPE_END()
