#include "actors/workspace/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace actors {
namespace {

/// Each moves everything up by one folder at least; the bound is for a program that adds meanwhile.
constexpr int rounds_max = 100'000;

using folder_stream = std::unique_ptr<DIR, int (*)(DIR*)>;

/// Null when it is no folder. Whoever made it may have closed it, to others or to itself.
folder_stream open_folder(int in, const char* name) {
  constexpr int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int place = ::openat(in, name, flags | O_PATH);
  if (place < 0) return {nullptr, ::closedir};
  struct stat found {};
  // By the descriptor, since the name may be a link by now.
  if (::fstat(place, &found) == 0 && (found.st_mode & S_IRWXU) != S_IRWXU)
    ::chmod(("/proc/self/fd/" + std::to_string(place)).c_str(), S_IRWXU);
  int fd = ::openat(place, ".", flags | O_RDONLY);
  int error = errno;
  ::close(place);
  errno = error;
  return {fd < 0 ? nullptr : ::fdopendir(fd), ::closedir};
}

std::vector<std::string> names_in(DIR* folder) {
  std::vector<std::string> out;
  ::rewinddir(folder);
  while (auto* item = ::readdir(folder)) {
    std::string_view name(item->d_name);
    if (name != "." && name != "..") out.emplace_back(name);
  }
  return out;
}

/// A file, a link, an empty folder, or nothing.
bool remove_one(int in, const std::string& name) {
  return ::unlinkat(in, name.c_str(), 0) == 0 || ::unlinkat(in, name.c_str(), AT_REMOVEDIR) == 0 ||
         errno == ENOENT;
}

/// Empties a folder, in rounds: what is in its folders is moved up into it.
class leveller {
 public:
  explicit leveller(int top) : top_(top) {}

  /// False when nothing could be done any more.
  bool round(const std::vector<std::string>& names) {
    auto before = changes_;
    for (auto& name : names)
      if (!remove(top_, name)) level(name);
    return changes_ != before;
  }

 private:
  bool remove(int in, const std::string& name) {
    bool gone = remove_one(in, name);
    changes_ += gone;
    return gone;
  }
  void level(const std::string& name) {
    auto folder = open_folder(top_, name.c_str());
    if (!folder) return;
    int in = ::dirfd(folder.get());
    for (auto& inner : names_in(folder.get()))
      if (!remove(in, inner)) move_up(in, inner);
    remove(top_, name);
  }
  void move_up(int in, const std::string& name) {
    open_folder(in, name.c_str());  // one that is closed cannot be moved
    auto to = ".removed-" + std::to_string(++moves_);
    changes_ += ::renameat(in, name.c_str(), top_, to.c_str()) == 0;
  }

  const int top_;
  std::uint64_t moves_ = 0, changes_ = 0;
};

}  // namespace

int remove_content(const std::string& folder) {
  auto top = open_folder(AT_FDCWD, folder.c_str());
  if (!top) return errno;
  leveller levels(::dirfd(top.get()));
  for (int round = 0; round < rounds_max; ++round) {
    auto names = names_in(top.get());
    if (names.empty()) return 0;
    if (!levels.round(names)) return EACCES;
  }
  return ENOTEMPTY;
}

int remove_tree(const std::string& path) {
  if (remove_one(AT_FDCWD, path)) return 0;
  int error = remove_content(path);
  return error == 0 && !remove_one(AT_FDCWD, path) ? errno : error;
}

}  // namespace actors
