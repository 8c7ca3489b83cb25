#include "actors/views.hpp"

#include <mutex>

#include "protocol/resource.hpp"

namespace actors {

void node_views::put(protocol::kernel_view view) {
  auto next = std::make_shared<kernel_snapshot>();
  next->json = to_json(view);
  next->status = protocol::buffer(kernel_status_json(view));
  next->view = std::move(view);
  kernel_key key(next->view.sandbox_id, next->view.id);
  std::unique_lock lock(mutex_);
  kernels_.insert_or_assign(std::move(key), std::move(next));
}

void node_views::put(protocol::sandbox_view view) {
  auto next = std::make_shared<const protocol::sandbox_view>(std::move(view));
  std::unique_lock lock(mutex_);
  sandboxes_.insert_or_assign(next->spec.id, next);
}

void node_views::put(protocol::browser_view view) {
  auto next = std::make_shared<const protocol::browser_view>(std::move(view));
  std::unique_lock lock(mutex_);
  browsers_.insert_or_assign(next->sandbox_id, next);
}

void node_views::put(tree_entry entry) {
  std::unique_lock lock(mutex_);
  auto path = entry.path;
  tree_.insert_or_assign(std::move(path), std::move(entry));
}

void node_views::put_usage(const std::string& sandbox_id, const protocol::sandbox_usage& found) {
  std::unique_lock lock(mutex_);
  if (!sandboxes_.contains(sandbox_id)) return;
  usage_.insert_or_assign(sandbox_id, found);
  for (auto& each : process_watches_[sandbox_id])
    if (auto watch = each.lock()) watch->looked(found.processes);
}

std::shared_ptr<const process_watch> node_views::watch_processes(const std::string& sandbox_id) {
  std::unique_lock lock(mutex_);
  auto last = usage_.find(sandbox_id);
  auto watch = std::make_shared<process_watch>(last == usage_.end() ? 0 : last->second.processes);
  if (!sandboxes_.contains(sandbox_id)) return watch;
  auto& all = process_watches_[sandbox_id];
  std::erase_if(all, [](auto& each) { return each.expired(); });
  all.push_back(watch);
  return watch;
}

protocol::sandbox_usage node_views::usage() const {
  protocol::sandbox_usage sum;
  std::shared_lock lock(mutex_);
  for (auto& [id, each] : usage_) {
    sum.memory_bytes += each.memory_bytes;
    sum.memory_peak_bytes += each.memory_peak_bytes;
    sum.processes += each.processes;
    sum.disk_bytes += each.disk_bytes;
  }
  return sum;
}

void node_views::put(const std::string& sandbox_id, command_activity activity) {
  std::unique_lock lock(mutex_);
  commands_.insert_or_assign(sandbox_id, activity);
}

void node_views::put(const std::string& sandbox_id, std::shared_ptr<turn_ledger> ledger) {
  std::unique_lock lock(mutex_);
  ledgers_.insert_or_assign(sandbox_id, std::move(ledger));
}

std::shared_ptr<turn_ledger> node_views::ledger(std::string_view sandbox_id) const {
  std::shared_lock lock(mutex_);
  auto it = ledgers_.find(sandbox_id);
  return it == ledgers_.end() ? nullptr : it->second;
}

std::shared_ptr<egress_use> node_views::egress(const std::string& sandbox_id, egress_of whose) {
  std::unique_lock lock(mutex_);
  if (!sandboxes_.contains(sandbox_id)) return std::make_shared<egress_use>();
  auto& use = egress_[sandbox_id][whose];
  if (!use) use = std::make_shared<egress_use>();
  return use;
}

void node_views::erase_kernel(const std::string& sandbox_id, const std::string& kernel_id) {
  std::unique_lock lock(mutex_);
  kernels_.erase({sandbox_id, kernel_id});
}

void node_views::erase_sandbox(const std::string& sandbox_id) {
  std::unique_lock lock(mutex_);
  sandboxes_.erase(sandbox_id);
  usage_.erase(sandbox_id);
  browsers_.erase(sandbox_id);
  process_watches_.erase(sandbox_id);
  commands_.erase(sandbox_id);
  ledgers_.erase(sandbox_id);
  egress_.erase(sandbox_id);
  std::erase_if(kernels_, [&](auto& entry) { return entry.first.first == sandbox_id; });
}

void node_views::erase_tree(const std::string& path) {
  std::unique_lock lock(mutex_);
  auto below = path + "/";
  std::erase_if(tree_,
                [&](auto& entry) { return entry.first == path || entry.first.starts_with(below); });
}

std::shared_ptr<const kernel_snapshot> node_views::kernel(std::string_view sandbox_id,
                                                          std::string_view kernel_id) const {
  std::shared_lock lock(mutex_);
  auto it = kernels_.find(std::pair(sandbox_id, kernel_id));
  return it == kernels_.end() ? nullptr : it->second;
}

std::vector<std::shared_ptr<const kernel_snapshot>> node_views::kernels(
    std::string_view sandbox_id) const {
  std::vector<std::shared_ptr<const kernel_snapshot>> found;
  std::shared_lock lock(mutex_);
  for (auto it = kernels_.lower_bound(std::pair(sandbox_id, std::string_view()));
       it != kernels_.end() && it->first.first == sandbox_id; ++it)
    found.push_back(it->second);
  return found;
}

std::vector<std::shared_ptr<const kernel_snapshot>> node_views::all_kernels() const {
  std::vector<std::shared_ptr<const kernel_snapshot>> found;
  std::shared_lock lock(mutex_);
  for (auto& [key, snapshot] : kernels_) found.push_back(snapshot);
  return found;
}

std::shared_ptr<const protocol::sandbox_view> node_views::sandbox(
    std::string_view sandbox_id) const {
  std::shared_lock lock(mutex_);
  auto it = sandboxes_.find(sandbox_id);
  return it == sandboxes_.end() ? nullptr : it->second;
}

std::vector<std::shared_ptr<const protocol::sandbox_view>> node_views::sandboxes() const {
  std::vector<std::shared_ptr<const protocol::sandbox_view>> found;
  std::shared_lock lock(mutex_);
  for (auto& [id, view] : sandboxes_) found.push_back(view);
  return found;
}

std::shared_ptr<const protocol::browser_view> node_views::browser(
    std::string_view sandbox_id) const {
  std::shared_lock lock(mutex_);
  auto it = browsers_.find(sandbox_id);
  return it == browsers_.end() ? nullptr : it->second;
}

command_activity node_views::commands(std::string_view sandbox_id) const {
  std::shared_lock lock(mutex_);
  auto it = commands_.find(sandbox_id);
  return it == commands_.end() ? command_activity{} : it->second;
}

std::uint64_t node_views::disk_bytes(std::string_view sandbox_id) const {
  std::shared_lock lock(mutex_);
  auto it = usage_.find(sandbox_id);
  return it == usage_.end() ? 0 : it->second.disk_bytes;
}

std::optional<std::uint64_t> node_views::room_bytes(const protocol::sandbox_spec& spec) const {
  auto limit = spec.limit.disk_bytes;
  if (limit == 0) return std::nullopt;
  return limit - std::min(limit, disk_bytes(spec.id));
}

/// A line tells of the actor's process, if it has one, and counts the restarts of both.
void node_views::tell_of_process(tree_entry& entry) const {
  constexpr std::string_view root = "supervisor/sandboxes/";
  auto path = std::string_view(entry.path);
  if (!path.starts_with(root) || entry.state != "running") return;
  path.remove_prefix(root.size());
  auto slash = path.find('/');
  if (slash == path.npos) return;
  auto tell = [&](auto& process) {
    entry.state = to_string(process.state);
    entry.generation = process.generation;
    entry.restarts += process.restarts;
    if (process.last_cause.kind != protocol::cause_kind::none)
      entry.last_cause = process.last_cause;
    if (process.started_at > 0) entry.started_at = process.started_at;
  };
  auto sandbox = path.substr(0, slash), child = path.substr(slash + 1);
  auto kernel = kernels_.find(std::pair(sandbox, child));
  auto browser = browsers_.find(sandbox);
  if (kernel != kernels_.end())
    tell(kernel->second->view);
  else if (child == "browser" && browser != browsers_.end())
    tell(*browser->second);
}

std::vector<tree_entry> node_views::tree() const {
  std::vector<tree_entry> found;
  std::shared_lock lock(mutex_);
  for (auto& [path, entry] : tree_) found.push_back(entry);
  for (auto& entry : found) tell_of_process(entry);
  return found;
}

}  // namespace actors
