#include "gateways/files/watched_tree.hpp"

#include <sys/inotify.h>

#include <cstring>
#include <utility>

#include "protocol/files/path.hpp"

namespace gateways::files {

namespace paths = protocol::files;
using paths::change_feed;
using enum paths::change_type;

std::vector<watch_record> records_in(std::string_view bytes) {
  std::vector<watch_record> out;
  inotify_event head{};
  while (bytes.size() >= sizeof head) {
    std::memcpy(&head, bytes.data(), sizeof head);
    bytes.remove_prefix(sizeof head);
    auto name = bytes.substr(0, head.len);
    out.push_back({head.wd, head.mask, head.cookie, name.substr(0, name.find('\0'))});
    bytes.remove_prefix(name.size());
  }
  return out;
}

bool is_hidden(std::string_view name) noexcept {
  constexpr std::string_view begin = ".troupe-";
  constexpr std::size_t digits = 32;
  return name.size() == begin.size() + digits && name.starts_with(begin) &&
         name.find_first_not_of("0123456789abcdef", begin.size()) == name.npos;
}

bool watched_tree::put(int watch, const std::string& path) {
  if (top_ < 0) top_ = watch;
  auto [at, is_new] = folders_.try_emplace(watch);
  at->second = {path, round_, 0};
  return is_new;
}

void watched_tree::take(const watch_record& r, change_feed& to) {
  if (r.mask & IN_Q_OVERFLOW) {
    lost_ = true;
    to.overflow("queue");
    return;
  }
  auto in = folders_.find(r.watch);
  if (in == folders_.end()) return;  // given back
  if (r.mask & IN_IGNORED) {
    gone_ |= r.watch == top_;
    folders_.erase(in);
  } else if (!r.name.empty()) {
    take_name(in->second, r, to);
  }
}

void watched_tree::take_name(const folder& in, const watch_record& r, change_feed& to) {
  if (is_hidden(r.name)) {
    if (r.mask & IN_MOVED_FROM) unhiding_.insert(r.cookie);
    return;
  }
  auto path = paths::joined(in.path, r.name);
  if (path.size() > paths::path_bytes_max) return;
  bool is_folder = r.mask & IN_ISDIR;
  auto kind = is_folder ? std::optional(paths::kind::folder) : std::nullopt;
  if (r.mask & IN_CREATE) {
    to.note({created, path, {}, kind});
    if (is_folder && recursive_) entered_.insert(path);
  } else if (r.mask & (IN_MODIFY | IN_CLOSE_WRITE)) {
    if (!is_folder) to.note({modified, path});
  } else if (r.mask & IN_DELETE) {
    to.note({removed, path, {}, kind});
  } else if (r.mask & IN_MOVED_FROM) {
    to.note({removed, path, {}, kind, r.cookie});
    if (is_folder) leaves(path, r.cookie);
  } else if (r.mask & IN_MOVED_TO) {
    arrives(r, path, to);
  }
}

void watched_tree::leaves(const std::string& path, std::uint32_t cookie) {
  moving_[cookie] = path;
  for (auto& [watch, each] : folders_)
    if (each.cookie == 0 && paths::is_within(each.path, path)) each.cookie = cookie;
}

void watched_tree::arrives(const watch_record& r, const std::string& path, change_feed& to) {
  bool is_folder = r.mask & IN_ISDIR;
  if (!to.arrived(r.cookie, path, is_folder)) {
    // A file of ours that takes a hidden name first takes another's place.
    bool replaces = unhiding_.erase(r.cookie) > 0 && !is_folder;
    to.note({replaces ? modified : created,
             path,
             {},
             is_folder ? std::optional(paths::kind::folder) : std::nullopt});
  } else if (auto from = moving_.find(r.cookie); from != moving_.end()) {
    for (auto& [watch, each] : folders_) {
      if (each.cookie != r.cookie) continue;
      each.path = path + each.path.substr(from->second.size());
      each.cookie = 0;
    }
    moving_.erase(from);
  }
  // Also one that was known: what was made in it on its way had no path to be watched by.
  if (is_folder && recursive_) entered_.insert(path);
}

template <class Which>
std::vector<int> watched_tree::give_back(Which which) {
  std::vector<int> out;
  std::erase_if(folders_, [&](const auto& each) {
    if (each.first == top_ || !which(each.second)) return false;
    out.push_back(each.first);
    return true;
  });
  return out;
}

std::vector<int> watched_tree::settle() {
  moving_.clear();
  unhiding_.clear();
  return give_back([](const folder& each) { return each.cookie != 0; });
}

std::vector<int> watched_tree::end_round() {
  return give_back([this](const folder& each) { return each.round != round_; });
}

}  // namespace gateways::files
