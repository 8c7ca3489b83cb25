#include "gateways/isolation/probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace gateways {
namespace {

constexpr int patience_ms = 10'000;

/// A folder that goes with it.
struct temporary_folder {
  std::string path = "/tmp/troupe-probe-XXXXXX";
  temporary_folder() {
    if (::mkdtemp(path.data()) == nullptr) {
      path.clear();
      return;
    }
    for (auto& zone : zones) std::filesystem::create_directory(path + "/" + zone.name);
  }
  ~temporary_folder() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
};

std::string first_line(std::string text) {
  auto end = text.find('\n');
  return end == text.npos ? text : text.substr(0, end);
}

/// Empty when it exited with 0.
std::string outcome_of(const launched& child, const descriptor& said) {
  pollfd end{child.pidfd, POLLIN, 0};
  bool over = ::poll(&end, 1, patience_ms) > 0;
  if (!over) ::kill(child.pid, SIGKILL);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  std::array<char, 4'096> text{};
  auto size = ::read(said.get(), text.data(), text.size());
  if (!over) return "the workload that tries it did not end";
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string words(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return words.empty() ? "the workload that tries it failed" : first_line(words);
}

}  // namespace

std::string probe(const launcher& with, const box& in, std::vector<std::string> argv) {
  temporary_folder folder;
  if (folder.path.empty()) return "no folder can be made in /tmp";
  if (in.uid && ::chown(folder.path.c_str(), *in.uid, *in.uid) != 0)
    return "a folder cannot be given to user " + std::to_string(*in.uid);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return "no pipe can be made";
  descriptor said(ends[0]), say(ends[1]);
  containment c;
  c.argv = std::move(argv);
  c.workspace = folder.path;
  c.files_folder = folder.path;
  c.output = c.errors = say.get();
  auto child = with.launch(c, in);
  if (!child) return child.error().detail;
  descriptor end(child->pidfd), report(child->report), status(child->status);
  say.reset();
  return outcome_of(*child, said);
}

std::string remedy_of(const std::string& failure) {
  struct known {
    std::string_view text, remedy;
  };
  constexpr std::array remedies{
      known{"cannot start bwrap", "install the package bubblewrap"},
      known{"execvp", "install the package bubblewrap"},
      known{"bwrap: No such file", "install the package bubblewrap"},
      known{"Unknown option", "a bubblewrap that knows --bind-fd (0.8.0-2+deb12u1 or newer)"},
      known{"uid map: Permission denied",
            "allow bwrap user namespaces in AppArmor, or set the sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0"},
      known{"RTM_NEWADDR",
            "allow bwrap user namespaces in AppArmor, or set the sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0"},
      known{"No permissions to create new namespace",
            "let the container create user namespaces (Docker: --security-opt "
            "seccomp=unconfined), or set the sysctl kernel.unprivileged_userns_clone=1"},
      known{"max_*_namespaces exceeded", "raise the sysctl user.max_user_namespaces"},
      known{"mount proc",
            "let the container mount a fresh /proc (Docker: --security-opt "
            "systempaths=unconfined)"},
  };
  for (auto& each : remedies)
    if (failure.find(each.text) != failure.npos) return std::string(each.remedy);
  return "bubblewrap says what it missed; see docs/security.md";
}

bool users_mapped(std::uint64_t first, std::uint64_t count) {
  std::ifstream map("/proc/self/uid_map");
  for (std::uint64_t inside = 0, outside = 0, length = 0; map >> inside >> outside >> length;)
    if (first >= inside && first + count <= inside + length) return true;
  return false;
}

}  // namespace gateways
