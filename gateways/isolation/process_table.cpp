#include "gateways/isolation/process_table.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <set>
#include <string>

namespace gateways {
namespace {

std::string read_text(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string out(2'048, '\0');
  auto size = ::read(fd, out.data(), out.size());
  ::close(fd);
  out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return out;
}

std::string path_of(int pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

template <class F>
void each_entry(const std::string& folder, F&& f) {
  auto* open = ::opendir(folder.c_str());
  if (open == nullptr) return;
  while (auto* entry = ::readdir(open))
    if (entry->d_name[0] != '.') f(entry->d_name);
  ::closedir(open);
}

}  // namespace

/// proc(5): the name in parentheses may itself have any character, the rest are numbers.
std::optional<process_table::row> process_table::parse(std::string_view stat) {
  auto name_end = stat.rfind(')');
  if (name_end == stat.npos || name_end + 4 > stat.size()) return std::nullopt;
  stat.remove_prefix(name_end + 4);  // ") S "
  // From the parent (field 4) to the resident pages (field 24).
  std::array<std::uint64_t, 21> fields{};
  for (auto& field : fields) {
    auto begin = std::min(stat.find_first_not_of(" -"), stat.size());
    auto [end, error] = std::from_chars(stat.data() + begin, stat.data() + stat.size(), field);
    if (error != std::errc()) return std::nullopt;
    stat.remove_prefix(static_cast<std::size_t>(end - stat.data()));
  }
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  static const auto ticks_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  auto ticks = fields[10] + fields[11] + fields[12] + fields[13];  // own, then children's
  return row{static_cast<int>(fields[0]),
             {fields[20] * page, fields[16], static_cast<double>(ticks) * 1e3 / ticks_s}};
}

process_table process_table::read() {
  process_table out;
  out.read_at_ = std::chrono::steady_clock::now();
  each_entry("/proc", [&](const char* name) {
    auto pid = std::atoi(name);
    if (pid <= 0) return;
    auto found = parse(read_text(path_of(pid, "stat")));
    if (!found) return;
    out.children_.emplace(found->parent, pid);
    out.rows_.emplace(pid, *found);
  });
  return out;
}

std::vector<int> process_table::tree(int root) const {
  std::vector<int> out;
  if (!rows_.contains(root)) return out;
  out.push_back(root);
  std::set<int> seen{root};  // a number may have been used again while we read
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto [begin, end] = children_.equal_range(out[i]);
    for (auto it = begin; it != end; ++it)
      if (seen.insert(it->second).second) out.push_back(it->second);
  }
  return out;
}

process_use process_table::sum(const std::vector<int>& pids) const {
  process_use out;
  for (auto pid : pids) {
    auto it = rows_.find(pid);
    if (it == rows_.end()) continue;
    out.memory_bytes += it->second.use.memory_bytes;
    out.threads += it->second.use.threads;
    out.cpu_ms += it->second.use.cpu_ms;
  }
  return out;
}

std::chrono::steady_clock::duration process_table::age() const {
  return std::chrono::steady_clock::now() - read_at_;
}

std::uint64_t shared_out_memory(const std::vector<int>& pids) {
  std::uint64_t sum = 0;
  for (auto pid : pids) {
    auto text = read_text(path_of(pid, "smaps_rollup"));
    if (auto at = text.find("\nPss:"); at != text.npos)
      sum += std::strtoull(text.c_str() + at + 5, nullptr, 10) * 1024;
    else if (auto row = process_table::parse(read_text(path_of(pid, "stat"))))
      sum += row->use.memory_bytes;
  }
  return sum;
}

std::int64_t open_files_of(const std::vector<int>& pids) {
  std::int64_t most = -1;
  for (auto pid : pids) {
    std::int64_t count = 0;
    each_entry(path_of(pid, "fd"), [&](const char*) { ++count; });
    if (count > 0) most = std::max(most, count);
  }
  return most;
}

std::int64_t own_tmp_bytes_of(const std::vector<int>& pids) {
  struct stat ours {};
  if (::stat("/tmp", &ours) != 0) return -1;
  std::int64_t most = -1;
  std::set<dev_t> seen{ours.st_dev};
  for (auto pid : pids) {
    auto path = path_of(pid, "root/tmp");
    struct stat found {};
    struct statvfs space {};
    if (::stat(path.c_str(), &found) != 0 || !seen.insert(found.st_dev).second ||
        ::statvfs(path.c_str(), &space) != 0)
      continue;
    auto used = (space.f_blocks - space.f_bfree) * space.f_frsize;
    most = std::max(most, static_cast<std::int64_t>(used));
  }
  return most;
}

}  // namespace gateways
