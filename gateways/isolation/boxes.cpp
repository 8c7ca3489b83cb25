#include "gateways/isolation/boxes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "gateways/isolation/disk_use.hpp"

namespace gateways {
namespace {

using protocol::error_code;
using protocol::fault;
using protocol::result;

constexpr std::array kept_zones{"upload", ".store"};
constexpr auto settle_time = std::chrono::seconds(1);  // a large process takes a while to be gone
constexpr auto table_age_max = std::chrono::milliseconds(200);

fault fault_of(const std::string& what, int error) {
  return {error_code::unavailable, what + ": " + std::strerror(error), {}, 0};
}

/// An id may be the name of one of the system's own files there.
std::string group_name(const std::string& sandbox_id) {
  return "box-" + sandbox_id;
}

}  // namespace

// -- one box -------------------------------------------------------------------------------------

bool memory_kills::claim(std::uint64_t counted) {
  if (counted <= claimed_) return false;
  ++claimed_;
  return true;
}

void memory_kills::settle(std::uint64_t counted) {
  claimed_ = std::max(claimed_, std::exchange(settled_, counted));
}

void box::began(int pid, const std::string& name) {
  std::lock_guard lock(mutex_);
  roots_.emplace(pid, name);
  if (names_.size() < 2) names_.insert(name);
}

bool box::of_one() const {
  std::lock_guard lock(mutex_);
  return names_.size() == 1;
}

void box::over(int pid) {
  std::lock_guard lock(mutex_);
  roots_.erase(pid);
}

std::map<int, std::string> box::roots() const {
  std::lock_guard lock(mutex_);
  return roots_;
}

std::uint64_t box::claim_memory_kill() {
  if (!group) return 0;
  auto counted = group->refused().memory_kills;
  std::lock_guard lock(mutex_);
  return kills_.claim(counted) ? std::max<std::uint64_t>(1, group->memory_peak_bytes()) : 0;
}

void box::settle_memory_kills(std::uint64_t counted) {
  std::lock_guard lock(mutex_);
  auto now = std::chrono::steady_clock::now();
  if (now - settled_at_ < settle_time) return;
  settled_at_ = now;
  kills_.settle(counted);
}

protocol::limits box::limit() const {
  std::lock_guard lock(mutex_);
  return limit_;
}

void box::hold_to(const protocol::limits& l) {
  std::lock_guard lock(mutex_);
  limit_ = l;
}

// -- all of them ---------------------------------------------------------------------------------

// Nothing runs in it yet, so paths hold.
result<void> give_folder(const std::string& folder, unsigned uid) {
  namespace fs = std::filesystem;
  struct stat found {};
  if (::stat(folder.c_str(), &found) == 0 && found.st_uid == uid) return {};
  std::error_code ec;
  auto chown_one = [&](const fs::path& path) {
    if (!ec && ::lchown(path.c_str(), uid, uid) != 0) ec.assign(errno, std::generic_category());
  };
  for (auto it = fs::recursive_directory_iterator(folder, ec); !ec && it != fs::end(it);
       it.increment(ec)) {
    auto kept = it.depth() == 0 && std::ranges::count(kept_zones, it->path().filename()) > 0;
    if (kept) it.disable_recursion_pending();
    if (!kept) chown_one(it->path());
  }
  chown_one(folder);  // last: it stands for the whole
  if (ec) return fault_of("giving " + folder + " to its own user", ec.value());
  return {};
}

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
  made->workspace = workspace;
  made->hold_to(spec.limit);
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
  auto given = give_folder(workspace, *made->uid);
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
    browsers_.erase(sandbox_id);
  }
  // Not by its destructor: a look may hold the box until the id is another sandbox's. This waits
  // until what ran in it is gone.
  if (last->group) last->group->remove();
}

/// What is used beyond the new limit would be killed for it, so that is refused.
result<void> boxes::change(const std::string& sandbox_id, const protocol::limits& limit) {
  auto in = find(sandbox_id);
  if (!in) return fault{error_code::wrong_state, "the sandbox could not be opened", {}, 0};
  std::vector<int> processes;
  auto used = count(*in, limit.memory_bytes, processes).memory_bytes;
  if (limit.memory_bytes < in->limit().memory_bytes && used > limit.memory_bytes)
    return fault{error_code::wrong_state,
                 "the sandbox uses " + std::to_string(used) + " bytes of memory, more than the " +
                     std::to_string(limit.memory_bytes) + " asked for",
                 {},
                 0};
  if (in->group) {
    auto set = in->group->set_limits(limit);
    if (!set) {
      (void)in->group->set_limits(in->limit());  // what of it was taken
      return set;
    }
  }
  in->hold_to(limit);
  return {};
}

protocol::sandbox_usage boxes::look(const std::string& sandbox_id, actors::look_order order) {
  auto in = find(sandbox_id);
  if (!in) return {};
  std::vector<int> processes;
  auto out = count(*in, in->limit().memory_bytes, processes);
  if (in->group) in->settle_memory_kills(out.memory_kills);
  if (order.processes) {
    if (in->group) processes = in->group->processes();
    out.open_files = open_files_of(processes);
    out.tmp_bytes = own_tmp_bytes_of(processes);
    out.browser_memory_bytes = browser_memory(sandbox_id);
  }
  if (!order.disk) return out;
  auto measured = disk_use_of(in->workspace);
  if (!measured.measured) return out;
  out.disk_measured = true;
  out.disk_bytes = measured.bytes;
  out.disk_whole = measured.whole;
  out.disk_walk_ms = measured.took_ms;
  return out;
}

/// `processes` is filled only where there is no group to ask; memory above `exact_above` is
/// measured exactly there.
protocol::sandbox_usage boxes::count(const box& in, std::uint64_t exact_above,
                                     std::vector<int>& processes) {
  if (in.group) return in.group->usage();
  protocol::sandbox_usage out;
  auto roots = in.roots();
  if (roots.empty()) return out;
  auto all = table();
  std::uint64_t largest = 0;
  for (auto& [root, name] : roots) {
    auto tree = all->tree(root);
    auto used = all->sum(tree);
    out.memory_bytes += used.memory_bytes;
    out.processes += used.threads;
    out.cpu_ms += used.cpu_ms;
    if (used.memory_bytes >= largest) out.largest = name;
    largest = std::max(largest, used.memory_bytes);
    processes.insert(processes.end(), tree.begin(), tree.end());
  }
  // Pages that processes share count in each of them; how much that is takes longer to find out.
  if (out.memory_bytes > exact_above) out.memory_bytes = shared_out_memory(processes);
  return out;
}

std::shared_ptr<const process_table> boxes::table() {
  std::lock_guard lock(table_mutex_);
  if (!table_ || table_->age() > table_age_max)
    table_ = std::make_shared<const process_table>(process_table::read());
  return table_;
}

result<std::shared_ptr<box>> boxes::annex(const std::string& sandbox_id, const std::string& name,
                                          const protocol::limits& limit) {
  auto in = find(sandbox_id);
  if (!in)
    return fault{error_code::unavailable, "the sandbox " + sandbox_id + " is not open", {}, 0};
  auto made = std::make_shared<box>();
  made->uid = in->uid;
  made->read_only_workspace = true;
  made->workspace = in->workspace;
  made->hold_to(limit);
  if (!groups_) return made;
  auto group = groups_->make(name + "-" + sandbox_id, limit);
  if (!group) return group.error();
  made->group = std::move(*group);
  if (name == browser_annex) {
    std::lock_guard lock(mutex_);
    browsers_[sandbox_id] = made;
  }
  return made;
}

std::int64_t boxes::browser_memory(const std::string& sandbox_id) const {
  std::unique_lock lock(mutex_);
  auto at = browsers_.find(sandbox_id);
  auto of = at == browsers_.end() ? nullptr : at->second.lock();
  lock.unlock();
  return of ? static_cast<std::int64_t>(of->group->usage().memory_bytes) : -1;
}

std::shared_ptr<box> boxes::find(const std::string& sandbox_id) const {
  std::lock_guard lock(mutex_);
  auto it = open_.find(sandbox_id);
  return it == open_.end() ? nullptr : it->second;
}

}  // namespace gateways
