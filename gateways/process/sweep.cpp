#include "gateways/process/sweep.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>

#include "gateways/process/run_dir.hpp"

namespace gateways {
namespace {

/// True if /proc/PID/environ holds one of the entries, from its first byte to its NUL. A dead
/// process has an empty one.
bool has_entry(int pid, const environment_entries& entries, std::string& room) {
  auto path = "/proc/" + std::to_string(pid) + "/environ";
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  constexpr std::size_t bytes_max = 4 << 20;
  room.clear();
  char chunk[16384];
  for (ssize_t n; room.size() < bytes_max && (n = ::read(fd, chunk, sizeof chunk)) > 0;)
    room.append(chunk, static_cast<std::size_t>(n));
  ::close(fd);
  for (std::string_view rest = room; !rest.empty();) {
    auto entry = rest.substr(0, rest.find('\0'));
    if (entries.contains(entry)) return true;
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
  }
  return false;
}

/// By pidfd, and after a second look: between the two the number may have gone to another process.
bool kill_if_marked(int pid, const environment_entries& entries, std::string& room) {
  if (!has_entry(pid, entries, room)) return false;
  int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return false;
  bool marked = has_entry(pid, entries, room);
  if (marked) ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  ::close(pidfd);
  return marked;
}

/// One look at all processes; how many were found.
std::size_t sweep_once(const environment_entries& entries) {
  std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return 0;
  std::size_t found = 0;
  std::string room;
  while (auto* item = ::readdir(proc.get())) {
    int pid = std::atoi(item->d_name);
    if (pid > 0 && pid != ::getpid()) found += kill_if_marked(pid, entries, room);
  }
  return found;
}

void empty_folder(const std::string& path) {
  std::error_code ignored;
  for (auto& item : std::filesystem::directory_iterator(path, ignored))
    std::filesystem::remove_all(item.path(), ignored);
}

}  // namespace

bool kill_by_environment(const environment_entries& entries) {
  // A killed process stays visible until it is gone, and one that forks meanwhile needs another
  // look. One that is just being executed has no environment for a moment: so two looks must find
  // nothing.
  for (int round = 0, clean = 0; round < 200; ++round) {
    clean = sweep_once(entries) == 0 ? clean + 1 : 0;
    if (clean == 2) return true;
    ::usleep(5'000);
  }
  return false;
}

std::string instance_entry(const std::string& instance) {
  return "TROUPE_INSTANCE=" + instance;
}

void sweep_leftovers(const std::string& data_dir, const std::string& run_dir,
                     const std::string& instance) {
  if (!instance.empty()) kill_by_environment({instance_entry(instance)});
  for (auto& place : {run_dir, data_dir + "/run"})
    if (::access(place.c_str(), F_OK) == 0 && ensure_private_dir(place)) empty_folder(place);
}

}  // namespace gateways
