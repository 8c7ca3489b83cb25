#include "gateways/isolation/control_groups.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <utility>

namespace gateways {
namespace {

namespace fs = std::filesystem;
using protocol::fault;
using protocol::result;

constexpr std::array wanted{"memory", "pids", "cpu", "cpuacct"};  // the last only in v1
constexpr std::uint64_t cpu_period_us = 100'000;
constexpr auto leaf = "/daemon";  ///< where the daemon itself is, in v2
constexpr int remove_rounds = 200;
constexpr int remove_wait_us = 5'000;

fault fault_of(const std::string& what, int error) {
  return {protocol::error_code::unavailable, what + ": " + std::strerror(error), {}, 0};
}

std::string read_text(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string out;
  std::array<char, 4'096> part;
  for (ssize_t size; (size = ::read(fd, part.data(), part.size())) > 0;)
    out.append(part.data(), static_cast<std::size_t>(size));
  ::close(fd);
  return out;
}

result<void> write_text(const std::string& path, const std::string& text) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fault_of(path, errno);
  auto written = ::write(fd, text.data(), text.size());
  int error = errno;
  ::close(fd);
  if (written != static_cast<ssize_t>(text.size())) return fault_of(path + " = " + text, error);
  return {};
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The number behind `name` in lines of "name number".
std::uint64_t number_of(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ')
      return number(line.substr(name.size() + 1));
    at = end + 1;
  }
  return 0;
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> out;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, by);)
    if (!part.empty()) out.push_back(part);
  return out;
}

std::string joined(const std::string& mount, std::string_view below) {
  return below == "/" ? mount : mount + std::string(below);
}

/// What mountinfo says of control groups: controller -> where it is mounted; "" is v2.
std::map<std::string, std::string> mounts_of(std::string_view mountinfo) {
  std::map<std::string, std::string> out;
  for (auto& line : split(mountinfo, '\n')) {
    auto dash = line.find(" - ");
    auto front = split(line, ' ');
    if (dash == line.npos || front.size() < 5) continue;
    auto back = split(std::string_view(line).substr(dash + 3), ' ');
    if (back.empty()) continue;
    if (back[0] == "cgroup2") out.emplace("", front[4]);
    if (back[0] == "cgroup" && back.size() > 2)
      for (auto& option : split(back[2], ',')) out.emplace(option, front[4]);
  }
  return out;
}

/// Not that of a namespace, whose root is a group like others.
bool is_root(const std::string& folder) {
  return ::access((folder + "/cgroup.type").c_str(), F_OK) != 0;
}

std::string controllers_of(bool with_cpu) {
  return with_cpu ? "+memory +pids +cpu" : "+memory +pids";
}

/// Ends all that is in a group's folder, and the folder. False: something would not go.
bool empty_and_remove(const std::string& folder) {
  for (int round = 0; round < remove_rounds; ++round) {
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
    std::error_code ignored;
    for (auto& inner : fs::directory_iterator(folder, ignored))
      if (inner.is_directory(ignored)) empty_and_remove(inner.path());
    for (auto& pid : split(read_text(folder + "/cgroup.procs"), '\n'))
      ::kill(static_cast<pid_t>(number(pid)), SIGKILL);
    ::usleep(remove_wait_us);
  }
  return false;
}

}  // namespace

group_place place_of(std::string_view self_cgroup, std::string_view mountinfo,
                     const std::function<std::string(const std::string&)>& controllers_of) {
  auto mounts = mounts_of(mountinfo);
  std::map<std::string, std::string> v1;
  std::string v2;
  for (auto& line : split(self_cgroup, '\n')) {
    auto first = line.find(':');
    auto second = line.find(':', first + 1);
    if (second == line.npos) continue;
    auto path = std::string_view(line).substr(second + 1);
    auto names = line.substr(first + 1, second - first - 1);
    if (names.empty()) {
      if (auto m = mounts.find(""); m != mounts.end()) v2 = joined(m->second, path);
      continue;
    }
    for (auto& name : split(names, ','))
      if (auto m = mounts.find(name); m != mounts.end()) v1[name] = joined(m->second, path);
  }
  if (!v2.empty()) {
    auto offered = split(controllers_of(v2), ' ');
    std::set<std::string> there(offered.begin(), offered.end());
    if (!offered.empty() && offered.back().ends_with('\n')) {
      there.insert(offered.back().substr(0, offered.back().size() - 1));
    }
    if (there.contains("memory") && there.contains("pids")) {
      group_place place{true, {}};
      for (std::string name : wanted)
        if (there.contains(name)) place.folders[name] = v2;
      return place;
    }
  }
  group_place place;
  for (std::string name : wanted)
    if (auto it = v1.find(name); it != v1.end()) place.folders[name] = it->second;
  return place;
}

// -- one group -----------------------------------------------------------------------------------

void control_group::remove() {
  if (std::exchange(removed_, true)) return;
  kill();
  for (auto& folder : folders()) empty_and_remove(folder);
}

std::vector<std::string> control_group::folders() const {
  std::set<std::string> out;
  for (auto& [controller, folder] : where_.folders) out.insert(folder + "/" + name_);
  return {out.begin(), out.end()};
}

std::vector<std::string> control_group::join_files() const {
  auto out = folders();
  for (auto& folder : out) folder += "/cgroup.procs";
  return out;
}

bool control_group::has(std::string_view controller) const {
  return where_.folders.contains(std::string(controller));
}

std::string control_group::file(std::string_view controller, std::string_view name) const {
  auto it = where_.folders.find(std::string(controller));
  if (it == where_.folders.end()) return {};
  return it->second + "/" + name_ + "/" + std::string(name);
}

result<void> control_group::set_limits(const protocol::limits& l) {
  auto set = where_.v2 ? set_limits_v2(l) : set_limits_v1(l);
  if (!set) return set;
  auto processes = l.processes == 0 ? std::string("max") : std::to_string(l.processes);
  return write_text(file("pids", "pids.max"), processes);
}

result<void> control_group::set_limits_v2(const protocol::limits& l) {
  auto memory = write_text(file("memory", "memory.max"), std::to_string(l.memory_bytes));
  if (!memory) return memory;
  auto swap = file("memory", "memory.swap.max");  // there only with swap accounting
  if (::access(swap.c_str(), F_OK) == 0) (void)write_text(swap, "0");
  if (!has("cpu")) return {};
  auto quota =
      l.cpus > 0
          ? std::to_string(static_cast<std::uint64_t>(l.cpus * static_cast<double>(cpu_period_us)))
          : std::string("max");
  return write_text(file("cpu", "cpu.max"), quota + " " + std::to_string(cpu_period_us));
}

/// The limit with swap may never be below the one without, so the order depends on the direction.
result<void> control_group::set_limits_v1(const protocol::limits& l) {
  auto memory = file("memory", "memory.limit_in_bytes");
  auto with_swap = file("memory", "memory.memsw.limit_in_bytes");
  auto text = std::to_string(l.memory_bytes);
  bool swap = ::access(with_swap.c_str(), F_OK) == 0;
  bool raised = l.memory_bytes > number(read_text(memory));
  if (swap && raised) (void)write_text(with_swap, text);
  auto set = write_text(memory, text);
  if (!set) return set;
  if (swap && !raised) (void)write_text(with_swap, text);
  if (!has("cpu")) return {};
  auto quota =
      l.cpus > 0
          ? std::to_string(static_cast<std::int64_t>(l.cpus * static_cast<double>(cpu_period_us)))
          : std::string("-1");
  return write_text(file("cpu", "cpu.cfs_quota_us"), quota);
}

refusals control_group::refused() const {
  auto memory = file("memory", where_.v2 ? "memory.events" : "memory.oom_control");
  return {number_of(read_text(memory), "oom_kill"),
          number_of(read_text(file("pids", "pids.events")), "max")};
}

std::uint64_t control_group::memory_peak_bytes() const {
  auto peak = read_text(file("memory", where_.v2 ? "memory.peak" : "memory.max_usage_in_bytes"));
  if (peak.empty()) peak = read_text(file("memory", "memory.max"));  // before Linux 5.19
  return number(peak);
}

void control_group::open_cpu_file() {
  auto path = where_.v2 ? file("memory", "cpu.stat") : file("cpuacct", "cpuacct.usage");
  if (!path.empty()) cpu_file_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

double control_group::cpu_ms() const {
  if (!cpu_file_) return -1;
  std::array<char, 512> buffer;  // what is wanted comes first
  auto size = ::pread(cpu_file_.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return -1;  // the group was removed
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  return where_.v2 ? static_cast<double>(number_of(text, "usage_usec")) / 1e3
                   : static_cast<double>(number(text)) / 1e6;
}

protocol::sandbox_usage control_group::usage() const {
  protocol::sandbox_usage out;
  out.grouped = true;
  auto held =
      number(read_text(file("memory", where_.v2 ? "memory.current" : "memory.usage_in_bytes")));
  auto stat = read_text(file("memory", "memory.stat"));
  auto files = number_of(stat, "active_file") + number_of(stat, "inactive_file");
  out.memory_bytes = held > files ? held - files : 0;
  out.memory_peak_bytes = memory_peak_bytes();
  out.processes = number(read_text(file("pids", "pids.current")));
  out.cpu_ms = std::max(0.0, cpu_ms());
  auto ever = refused();
  out.memory_kills = ever.memory_kills;
  out.process_refusals = ever.processes;
  return out;
}

std::vector<int> control_group::processes() const {
  std::vector<int> out;
  for (auto& pid : split(read_text(file("pids", "cgroup.procs")), '\n'))
    out.push_back(static_cast<int>(number(pid)));
  return out;
}

void control_group::kill() const {
  for (auto& folder : folders()) {
    if (where_.v2 && write_text(folder + "/cgroup.kill", "1")) continue;
    for (auto& pid : split(read_text(folder + "/cgroup.procs"), '\n'))
      ::kill(static_cast<pid_t>(number(pid)), SIGKILL);
  }
}

// -- the daemon's own ----------------------------------------------------------------------------

control_groups::control_groups(const std::string& instance) {
  auto begun = begin(instance);
  if (!begun) missing_ = begun.error().detail;
}

result<void> control_groups::begin(const std::string& instance) {
  auto place =
      place_of(read_text("/proc/self/cgroup"), read_text("/proc/self/mountinfo"),
               [](const std::string& folder) { return read_text(folder + "/cgroup.controllers"); });
  if (!place.folders.contains("memory") || !place.folders.contains("pids"))
    return fault{protocol::error_code::unavailable,
                 "no control groups with the controllers memory and pids are mounted",
                 {},
                 0};
  auto name = "/troupe-" + instance;
  if (place.v2) {
    auto node = node_for(place.folders["memory"], place.folders.contains("cpu"));
    if (!node) return node.error();
    for (auto& [controller, folder] : place.folders) folder = *node;
  }
  for (auto& [controller, folder] : place.folders) {
    folder += name;
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return fault_of(folder, errno);
    std::error_code ignored;
    for (auto& left : fs::directory_iterator(folder, ignored))
      if (left.is_directory(ignored)) empty_and_remove(left.path());
  }
  own_ = place;
  if (place.v2) {
    auto own = place.folders["memory"];
    auto handed = write_text(own + "/cgroup.subtree_control", controllers_of(has_cpu()));
    if (!handed) return handed;
  }
  // In v1 our group competes as one with each thread outside of it, those of the daemon among them.
  if (!place.v2 && has_cpu())
    (void)write_text(place.folders["cpu"] + "/cpu.shares", std::to_string(1024L * ::get_nprocs()));
  auto tried = make("probe", {});
  if (!tried) return tried.error();
  return {};
}

control_groups::~control_groups() {
  for (auto& [controller, folder] : own_.folders) empty_and_remove(folder);
  step_back();
}

/// Below `own`, after the daemon has stepped aside. Others may be there as well, say the shell that
/// it was started from; then beside them, which only who may write there can.
result<std::string> control_groups::node_for(const std::string& own, bool with_cpu) {
  auto handed = step_aside(own);
  if (handed) handed = write_text(own + "/cgroup.subtree_control", controllers_of(with_cpu));
  if (handed) return own;
  step_back();
  auto above = own.substr(0, own.rfind('/'));
  if (!is_root(own) && ::access((above + "/cgroup.procs").c_str(), W_OK) == 0) return above;
  return handed.error();
}

/// A group that hands controllers on may hold no processes itself, but for the root's.
result<void> control_groups::step_aside(const std::string& node) {
  if (is_root(node)) return {};
  ::mkdir((node + leaf).c_str(), 0755);
  left_ = node;
  return write_text(node + leaf + "/cgroup.procs", "0");
}

/// As it was before, so that whoever started the daemon can start another there.
void control_groups::step_back() {
  if (left_.empty()) return;
  for (auto* name : {"-memory", "-pids", "-cpu"})
    (void)write_text(left_ + "/cgroup.subtree_control", name);
  (void)write_text(left_ + "/cgroup.procs", "0");
  ::rmdir((left_ + leaf).c_str());
  left_.clear();
}

bool control_groups::has_cpu() const {
  return own_.folders.contains("cpu");
}

std::string control_groups::describe() const {
  std::string out = own_.v2 ? "cgroup v2:" : "cgroup v1:";
  for (auto& [controller, folder] : own_.folders) out += " " + controller;
  return out;
}

result<std::unique_ptr<control_group>> control_groups::make(const std::string& name,
                                                            const protocol::limits& l) const {
  auto group = std::make_unique<control_group>(own_, name);
  for (auto& folder : group->folders())
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return fault_of(folder, errno);
  auto set = group->set_limits(l);
  if (!set) return set.error();
  group->open_cpu_file();
  return group;
}

}  // namespace gateways
