#include "gateways/isolation/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

namespace gateways {
namespace {

protocol::fault fault_of(const std::string& what, int error) {
  return {protocol::error_code::unavailable, what + ": " + std::strerror(error), {}, 0};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

struct attributes {
  posix_spawnattr_t value;
  attributes() {
    ::posix_spawnattr_init(&value);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&value, &none);
    ::posix_spawnattr_setsigdefault(&value, &all);
    ::posix_spawnattr_setflags(&value,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~attributes() { ::posix_spawnattr_destroy(&value); }
};

/// Owned copies with numbers above all that are given out, so that giving out loses none.
class high_copies {
 public:
  ~high_copies() {
    for (int fd : mine_) ::close(fd);
  }
  int of(int fd) {
    if (fd >= lowest) return fd;
    mine_.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, lowest));
    return mine_.back();
  }

 private:
  static constexpr int lowest = 64;
  std::vector<int> mine_;
};

struct file_actions {
  posix_spawn_file_actions_t value;
  file_actions(const spawn_request& request, high_copies& copies) {
    ::posix_spawn_file_actions_init(&value);
    ::posix_spawn_file_actions_addopen(&value, 0, "/dev/null", O_RDONLY, 0);
    int next = 1;
    for (auto& [from, to] : request.descriptors) {
      for (; next < to; ++next) ::posix_spawn_file_actions_addclose(&value, next);
      ::posix_spawn_file_actions_adddup2(&value, copies.of(from), to);
      next = to + 1;
    }
    ::posix_spawn_file_actions_addclosefrom_np(&value, next);
    auto folder = request.directory.empty() ? "/" : request.directory.c_str();
    ::posix_spawn_file_actions_addchdir_np(&value, folder);
  }
  ~file_actions() { ::posix_spawn_file_actions_destroy(&value); }
};

/// The entries of the daemon's own environment that begin with one of `names`.
std::vector<std::string> own_environment(std::span<const char* const> names) {
  std::vector<std::string> out;
  for (char** entry = environ; entry && *entry; ++entry)
    if (std::ranges::any_of(names,
                            [e = std::string_view(*entry)](auto n) { return e.starts_with(n); }))
      out.emplace_back(*entry);
  return out;
}

}  // namespace

protocol::result<spawned> spawn(const spawn_request& request) {
  // posix_spawn tells one errno for everything; a missing folder should not read as a missing
  // program.
  struct stat folder {};
  if (!request.directory.empty() && ::stat(request.directory.c_str(), &folder) != 0)
    return fault_of("working directory " + request.directory, errno);
  spawned child;
  attributes attr;
  high_copies copies;
  file_actions actions(request, copies);
  auto argv = pointers(request.argv);
  auto env = pointers(request.environment);
  auto& program = request.program.empty() ? request.argv.front() : request.program;
  int error = ::posix_spawnp(&child.pid, program.c_str(), &actions.value, &attr.value, argv.data(),
                             env.data());
  if (error != 0) return fault_of("cannot start " + request.argv.front(), error);
  child.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
  if (child.pidfd < 0) {
    auto f = fault_of("pidfd_open", errno);
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return f;
  }
  return child;
}

std::vector<std::string> locale_environment() {
  auto env = own_environment(std::array{"LANG=", "LC_", "TZ="});
  auto speaks = [](auto& e) { return e.starts_with("LANG=") || e.starts_with("LC_ALL="); };
  // Without a language, Python would take the output of subprocesses for ASCII.
  if (!std::ranges::any_of(env, speaks)) env.emplace_back("LANG=C.UTF-8");
  return env;
}

std::vector<std::string> host_environment() {
  auto env =
      own_environment(std::array{"PATH=", "HOME=", "USER=", "LOGNAME=", "MPLCONFIGDIR=", "XDG_"});
  for (auto& entry : locale_environment()) env.push_back(std::move(entry));
  return env;
}

}  // namespace gateways
