#include "gateways/files/walk.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace gateways::files {

namespace paths = protocol::files;

std::vector<std::string> names_in(int fd, std::size_t names_max, bool& complete) {
  std::vector<std::string> out;
  // Not a duplicate: that would share the offset.
  int own = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> folder(own < 0 ? nullptr : ::fdopendir(own), ::closedir);
  if (!folder) {
    complete = false;
    return out;
  }
  while (auto* found = ::readdir(folder.get())) {
    std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() == names_max) {
      complete = false;
      break;
    }
    out.emplace_back(name);
  }
  std::ranges::sort(out);
  return out;
}

result<void> walk::through(const std::string& path, int depth, const std::string& after,
                           const visitor& visit) {
  auto folder = root_.open_existing(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  visit_ = &visit;
  after_ = after;
  enter(folder->get(), path, std::min(depth, depth_max));
  return {};
}

/// False: the visitor had enough.
bool walk::enter(int fd, const std::string& path, int depth) {
  for (const auto& name : names_in(fd, folder_entries_max, complete_)) {
    if (root_.unwanted()) return false;
    auto inner = paths::joined(path, name);
    bool seen = !after_.empty() && !paths::lies_before(after_, inner);
    if (seen && !paths::is_within(after_, inner)) continue;
    struct stat found {};
    if (::fstatat(fd, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone
    auto next = step::enter;
    if (!seen) {
      met here{root_.describe(inner, found), fd, name};
      next = (*visit_)(here);
    }
    if (next == step::stop) return false;
    if (next == step::pass || !S_ISDIR(found.st_mode)) continue;
    if (depth <= 1) continue;
    descriptor folder(open_name(fd, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
    if (!folder) continue;  // gone, or not ours to read
    if (!enter(folder.get(), inner, depth - 1)) return false;
  }
  return true;
}

}  // namespace gateways::files
