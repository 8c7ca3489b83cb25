#define CAF_SUITE control_groups

#include "gateways/isolation/control_groups.hpp"

#include <filesystem>
#include <memory>

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
