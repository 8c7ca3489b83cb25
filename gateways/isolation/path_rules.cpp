#include "gateways/isolation/path_rules.hpp"

#include <algorithm>

namespace gateways {
namespace {

constexpr const char* system_paths[] = {"/usr", "/bin", "/lib", "/lib64", "/sbin", "/proc"};

/// Names of users and hosts are the machine's own at this level.
constexpr const char* name_settings[] = {"/etc/passwd",   "/etc/group",     "/etc/nsswitch.conf",
                                         "/etc/hosts",    "/etc/host.conf", "/etc/resolv.conf",
                                         "/etc/services", "/etc/protocols", "/etc/gai.conf"};

constexpr const char* devices[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                   "/dev/urandom", "/dev/tty",  "/dev/ptmx", "/dev/pts"};

}  // namespace

std::vector<std::string> path_rules(const containment& c,
                                    const std::vector<std::string>& readable_paths) {
  std::vector<std::string> out;
  auto add = [&](const char* word, const std::string& path) {
    if (!path.empty()) out.insert(out.end(), {word, path});
  };
  for (auto* path : system_paths) add("--read", path);
  for (auto* path : library_settings) add("--read", path);
  for (auto* path : name_settings) add("--read", path);
  for (auto* paths : {&readable_paths, &c.readable_paths})
    for (auto& path : *paths) add("--read", path);
  for (auto* path : devices) add("--device", path);
  for (auto* path : {"/tmp", "/dev/shm"}) add("--write", path);
  add("--write", c.files_folder);
  add(c.read_only_workspace ? "--read" : "--write", c.workspace);
  for (auto& zone : zones)
    if (zone.writable) add("--write", c.workspace + "/" + zone.name);
  return out;
}

std::vector<std::string> with_home(std::vector<std::string> environment, const std::string& home) {
  std::erase_if(environment, [](auto& entry) {
    return entry.starts_with("HOME=") || entry.starts_with("XDG_") ||
           entry.starts_with("MPLCONFIGDIR=");
  });
  environment.push_back("HOME=" + home);
  return environment;
}

}  // namespace gateways
