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
  // At the end readdir leaves errno alone.
  for (errno = 0; auto* found = ::readdir(folder.get()); errno = 0) {
    std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() == names_max) {
      complete = false;
      break;
    }
    out.emplace_back(name);
  }
  if (errno != 0) complete = false;
  std::ranges::sort(out);
  return out;
}

result<void> walk::through(const std::string& path, int depth, const std::string& after,
                           const visitor& visit) {
  auto folder = root_.open_folder(path, O_RDONLY);
  if (!folder) return folder.error();
  visit_ = &visit;
  whole_ = depth > depth_max;
  after_ = after;
  enter(folder->get(), path, std::min(depth, depth_max));
  return {};
}

/// What is gone, or is no folder any more, is nothing that was left out.
void walk::missed() {
  if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) complete_ = false;
}

/// False: the visitor had enough.
bool walk::enter(int fd, const std::string& path, int depth) {
  auto names = names_in(fd, std::min(folder_entries_max, held_names_max - names_held_), complete_);
  names_held_ += names.size();
  for (const auto& name : names) {
    if (root_.unwanted()) return false;
    auto inner = paths::joined(path, name);
    if (inner.size() > paths::path_bytes_max)
      complete_ = false;
    else if (!meet(fd, name, inner, depth))
      return false;
  }
  names_held_ -= names.size();
  return true;
}

bool walk::meet(int fd, const std::string& name, const std::string& inner, int depth) {
  bool seen = !after_.empty() && !paths::lies_before(after_, inner);
  if (seen && !paths::is_within(after_, inner)) return true;
  struct stat found {};
  if (::fstatat(fd, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    missed();
    return true;
  }
  auto next = step::enter;
  if (!seen) {
    met here{root_.describe(inner, found), fd, name};
    next = (*visit_)(here);
  }
  if (next != step::enter || !S_ISDIR(found.st_mode)) return next != step::stop;
  if (depth <= 1) {
    if (whole_) complete_ = false;
    return true;
  }
  descriptor folder(open_name(fd, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  if (folder) return enter(folder.get(), inner, depth - 1);
  missed();
  return true;
}

}  // namespace gateways::files
