#include "gateways/isolation/boxes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace gateways {
namespace {

using protocol::error_code;
using protocol::fault;
using protocol::result;

constexpr std::array kept_zones{"upload", ".store"};

fault fault_of(const std::string& what, int error) {
  return {error_code::unavailable, what + ": " + std::strerror(error), {}, 0};
}

/// An id may be the name of one of the system's own files there.
std::string group_name(const std::string& sandbox_id) {
  return "box-" + sandbox_id;
}

/// The workspace, but for what the sandbox may only read. Nothing runs in it yet, so paths hold.
result<void> give(const std::string& workspace, unsigned uid) {
  namespace fs = std::filesystem;
  struct stat found {};
  if (::stat(workspace.c_str(), &found) == 0 && found.st_uid == uid) return {};
  std::error_code ec;
  auto chown_one = [&](const fs::path& path) {
    if (!ec && ::lchown(path.c_str(), uid, uid) != 0) ec.assign(errno, std::generic_category());
  };
  for (auto it = fs::recursive_directory_iterator(workspace, ec); !ec && it != fs::end(it);
       it.increment(ec)) {
    auto kept = it.depth() == 0 && std::ranges::count(kept_zones, it->path().filename()) > 0;
    if (kept) it.disable_recursion_pending();
    if (!kept) chown_one(it->path());
  }
  chown_one(workspace);  // last: it stands for the whole
  if (ec) return fault_of("giving the workspace to its own user", ec.value());
  return {};
}

}  // namespace

boxes::boxes(const config::isolation_options& options, const control_groups* groups, bool own_users)
    : options_(options), groups_(groups), own_users_(own_users) {}

bool boxes::ours(unsigned uid) const {
  return uid >= options_.uid_first && uid - options_.uid_first < options_.uid_count;
}

bool boxes::taken(unsigned uid) const {
  return std::ranges::any_of(open_, [uid](auto& item) { return item.second->uid == uid; });
}

result<unsigned> boxes::user_of(const std::string& workspace) {
  struct stat found {};
  if (::stat(workspace.c_str(), &found) != 0) return fault_of(workspace, errno);
  if (ours(found.st_uid) && !taken(found.st_uid)) return found.st_uid;
  for (std::uint64_t n = 0; n < options_.uid_count; ++n) {
    auto uid = static_cast<unsigned>(options_.uid_first + n);
    if (!taken(uid)) return uid;
  }
  return fault{error_code::sandbox_limit, "every user of isolation.uid_count has a sandbox", {}, 0};
}

result<void> boxes::open(const protocol::sandbox_spec& spec, const std::string& workspace) {
  if (find(spec.id)) return {};  // its actor was replaced
  auto made = std::make_shared<box>();
  made->read_only_workspace = spec.mode == protocol::sandbox_mode::chat;
  if (groups_) {
    auto group = groups_->make(group_name(spec.id), spec.limit);
    if (!group) return group.error();
    made->group = std::move(*group);
  }
  {
    std::lock_guard lock(mutex_);
    if (own_users_) {
      auto uid = user_of(workspace);
      if (!uid) return uid.error();
      made->uid = *uid;
    }
    open_.emplace(spec.id, made);
  }
  // Others start workloads meanwhile; nothing starts in this sandbox before it is told of.
  if (!made->uid) return {};
  auto given = give(workspace, *made->uid);
  if (!given) close(spec.id);
  return given;
}

void boxes::close(const std::string& sandbox_id) {
  std::shared_ptr<box> last;
  {
    std::lock_guard lock(mutex_);
    auto it = open_.find(sandbox_id);
    if (it == open_.end()) return;
    last = std::move(it->second);
    open_.erase(it);
  }
  if (last->group) last->group->kill();
}  // removing the group waits until what ran in it is gone

std::shared_ptr<const box> boxes::find(const std::string& sandbox_id) const {
  std::lock_guard lock(mutex_);
  auto it = open_.find(sandbox_id);
  return it == open_.end() ? nullptr : it->second;
}

}  // namespace gateways
