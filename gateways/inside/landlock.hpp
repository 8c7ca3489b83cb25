// Landlock (Linux 5.13): a process gives up, for itself and what it starts, all files but those
// that it names, and signals and abstract sockets beyond itself.
//
// Used by the init for a workload at the level `process`, and by the launcher to ask for the
// version. By system calls alone: Debian 12's headers know only the first version.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace landlock {

constexpr std::uint64_t execute = 1 << 0, write_file = 1 << 1, read_file = 1 << 2,
                        read_folder = 1 << 3, remove = 1 << 4 | 1 << 5,
                        make = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12,  // no devices
    make_device = 1 << 6 | 1 << 11, refer = 1 << 13, truncate = 1 << 14, ioctl_device = 1 << 15;
constexpr std::uint64_t reading = execute | read_file | read_folder;
constexpr std::uint64_t writing = reading | write_file | remove | make | refer | truncate;
constexpr std::uint64_t device = read_file | write_file | truncate | ioctl_device;
constexpr std::uint64_t of_files = execute | read_file | write_file | truncate | ioctl_device;
constexpr std::uint64_t all = writing | make_device | ioctl_device;
/// The first with which a file cannot be truncated against the rules.
constexpr int version_min = 3;
/// The first that holds signals and abstract sockets.
constexpr int version_with_scopes = 6;

struct ruleset_words {
  std::uint64_t files, network, scopes;
};
struct __attribute__((packed)) path_words {
  std::uint64_t access;
  std::int32_t folder;
};

/// What the running system knows; below 1: nothing.
inline int version() {
  return static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, 1));
}

/// What a word of the init's command line allows; 0: it is no such word.
inline std::uint64_t access_of(const char* word) {
  if (strcmp(word, "--read") == 0) return reading;
  if (strcmp(word, "--write") == 0) return writing;
  return strcmp(word, "--device") == 0 ? device : 0;
}

/// A ruleset that allows nothing yet; -1: no.
inline int create(int known) {
  if (known < version_min) return -1;
  ruleset_words words{known < 5 ? all & ~ioctl_device : all, 0,
                      known < version_with_scopes ? 0ULL : 3ULL};
  size_t size = known < version_with_scopes ? sizeof words.files : sizeof words;
  return static_cast<int>(syscall(SYS_landlock_create_ruleset, &words, size, 0));
}

/// What is not there needs no rule. What may be written must not be reached by a link, since the
/// workload may have put it there.
inline bool allow(int rules, const char* path, std::uint64_t access) {
  if (version() < 5) access &= ~ioctl_device;
  int links = access == writing ? O_NOFOLLOW : 0;
  int fd = open(path, O_PATH | O_CLOEXEC | links);
  struct stat found {};
  if (fd < 0) return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
  if (fstat(fd, &found) != 0) return false;
  bool folder = S_ISDIR(found.st_mode), link = S_ISLNK(found.st_mode);
  path_words words{folder ? access : access & of_files, fd};
  bool added = link || syscall(SYS_landlock_add_rule, rules, 1, &words, 0) == 0;
  close(fd);
  return added;
}

inline bool enter(int rules) {
  return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

}  // namespace landlock
