#include "gateways/isolation/bubblewrap.hpp"

#include <array>

namespace gateways {
namespace {

constexpr const char* shared_memory_bytes = "67108864";
constexpr const char* home_bytes = "16777216";
constexpr std::string_view store_commands = "/run/troupe/bin", store_modules = "/run/troupe/python";

class words {
 public:
  template <class... Text>
  void add(Text&&... text) {
    (out_.emplace_back(std::forward<Text>(text)), ...);
  }
  void add_tmpfs(std::string bytes, const char* mode, const char* where) {
    add("--size", std::move(bytes), "--perms", mode, "--tmpfs", where);
  }
  std::vector<std::string> take() { return std::move(out_); }

 private:
  std::vector<std::string> out_;
};

void add_namespaces(words& w, const containment& c) {
  w.add("--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--as-pid-1",
        "--cap-drop", "ALL", "--hostname", "sandbox");
  // Chromium builds its own sandbox from user namespaces.
  if (c.filter == filter_kind::workload) w.add("--disable-userns");
}

void add_system(words& w, int passwd) {
  w.add("--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
        "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/sbin", "/sbin");
  for (auto* path : library_settings) w.add("--ro-bind-try", path, path);
  w.add("--perms", "0444", "--ro-bind-data", std::to_string(passwd), "/etc/passwd");
  // A fresh /proc leaves /proc/sys to file modes; root inside of root's own map could write there.
  w.add("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev");
  w.add_tmpfs(shared_memory_bytes, "1777", "/dev/shm");
  w.add("--remount-ro", "/dev");
}

void add_workspace(words& w, const containment& c, int folder) {
  auto& root = c.workspace;
  w.add(c.read_only_workspace ? "--ro-bind-fd" : "--bind-fd", std::to_string(folder), root);
  for (auto& zone : zones)
    w.add(zone.writable ? "--bind-fd" : "--ro-bind-fd", std::to_string(++folder),
          root + "/" + zone.name);
}

/// The command is the init under another name.
void add_store(words& w, int helper) {
  w.add("--symlink", "/run/init", std::string(store_commands) + "/troupe-append");
  w.add("--perms", "0444", "--ro-bind-data", std::to_string(helper),
        std::string(store_modules) + "/troupe_store.py");
}

}  // namespace

std::string_view name_of(isolation_level level) noexcept {
  constexpr std::array<std::string_view, 4> names{"none", "process", "namespaces", "full"};
  return names[static_cast<std::size_t>(level)];
}

std::vector<std::string> bubblewrap_arguments(const containment& c,
                                              const std::vector<std::string>& environment,
                                              const bubblewrap_descriptors& fds,
                                              const std::vector<std::string>& readable_paths) {
  words w;
  add_namespaces(w, c);
  add_system(w, fds.passwd);
  w.add_tmpfs(std::to_string(c.limit.tmp_bytes), "1777", "/tmp");
  w.add_tmpfs(home_bytes, "0700", "/home");
  for (auto* paths : {&readable_paths, &c.readable_paths})
    for (auto& path : *paths) w.add("--ro-bind-try", path, path);
  w.add("--perms", "0555", "--ro-bind-data", std::to_string(fds.init), "/run/init");
  for (std::size_t i = 0; i < c.files.size(); ++i)
    w.add("--perms", "0444", "--ro-bind-data", std::to_string(fds.files[i]),
          std::string(inside_files) + "/" + c.files[i].name);
  if (fds.store_helper >= 0) add_store(w, fds.store_helper);
  if (fds.own_folder >= 0)
    w.add("--bind-fd", std::to_string(fds.own_folder), std::string(inside_own_folder));
  add_workspace(w, c, fds.workspace);
  w.add("--remount-ro", "/", "--chdir", c.workspace, "--clearenv");
  for (auto& entry : environment) {
    auto equals = entry.find('=');
    if (equals != entry.npos) w.add("--setenv", entry.substr(0, equals), entry.substr(equals + 1));
  }
  w.add("--json-status-fd", std::to_string(fds.status));
  if (fds.filter >= 0) w.add("--seccomp", std::to_string(fds.filter));
  return w.take();
}

std::vector<std::string> store_environment() {
  return {"PATH=/usr/local/bin:/usr/bin:/bin:" + std::string(store_commands),
          "PYTHONPATH=" + std::string(store_modules)};
}

std::string passwd_text(unsigned uid) {
  auto id = std::to_string(uid);
  return "sandbox:x:" + id + ":" + id + "::/home:/bin/sh\n";
}

}  // namespace gateways
