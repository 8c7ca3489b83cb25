#include "gateways/isolation/disk_use.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace gateways {
namespace {

constexpr std::size_t depth_max = 128;  // each level holds a descriptor
constexpr std::uint64_t entries_max = 1'000'000;
constexpr std::uint64_t block_bytes = 512;
constexpr std::uint64_t entry_bytes = 512;  // an entry is not for nothing, even an empty file

struct closer {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using open_folder = std::unique_ptr<DIR, closer>;

open_folder enter(int parent, const char* name) {
  int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return nullptr;
  open_folder out(::fdopendir(fd));
  if (out) return out;
  int error = errno;
  ::close(fd);
  errno = error;
  return nullptr;
}

bool vanished(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

/// It is not the workspace's doing.
bool ours(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/// A folder that could not be entered or read on. False: it makes no sense to go on.
bool passed_over(int error, disk_use& out) {
  if (ours(error)) return out.measured = false;
  if (!vanished(error)) out.whole = false;
  return true;
}

void walk(const std::string& folder, disk_use& out) {
  std::unordered_set<ino_t> linked;
  std::vector<open_folder> open;
  open.push_back(enter(AT_FDCWD, folder.c_str()));
  if (!open.back()) return void(passed_over(errno, out));
  for (std::uint64_t entries = 0; !open.empty();) {
    errno = 0;
    auto* entry = ::readdir(open.back().get());
    if (entry == nullptr) {
      if (errno != 0 && !passed_over(errno, out)) return;
      open.pop_back();
      continue;
    }
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++entries > entries_max) return void(out.whole = false);
    int at = ::dirfd(open.back().get());
    struct stat found {};
    if (::fstatat(at, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (ours(errno)) return void(out.measured = false);
      continue;
    }
    auto folder_below = S_ISDIR(found.st_mode);
    if (!folder_below && found.st_nlink > 1 && !linked.insert(found.st_ino).second) continue;
    out.bytes += static_cast<std::uint64_t>(found.st_blocks) * block_bytes + entry_bytes;
    if (!folder_below) continue;
    if (open.size() >= depth_max) {
      out.whole = false;
      continue;
    }
    auto below = enter(at, entry->d_name);
    if (below)
      open.push_back(std::move(below));
    else if (!passed_over(errno, out))
      return;
  }
}

}  // namespace

disk_use disk_use_of(const std::string& folder) {
  disk_use out;
  auto began = std::chrono::steady_clock::now();
  walk(folder, out);
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  out.took_ms = took.count();
  return out;
}

}  // namespace gateways
