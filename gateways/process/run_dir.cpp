#include "gateways/process/run_dir.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace gateways {
namespace {

constexpr std::size_t socket_path_max = 107;
constexpr int listen_backlog = 16;
/// "/k123456-1234/k-5" with room to spare; also for sockets that programs make in TMPDIR, such as
/// multiprocessing's "pymp-12345678/listener-12345678".
constexpr std::size_t below_run_max = 60;

protocol::fault fault_of(const std::string& what, int error) {
  return {protocol::error_code::unavailable, what + ": " + std::strerror(error), {}, 0};
}

/// FNV-1a: the name must be the same in every run of every build, which std::hash need not be.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (unsigned char c : text) hash = (hash ^ c) * 1099511628211U;
  return hash;
}

std::string hex_of(std::uint64_t value) {
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(value));
  return out;
}

protocol::result<void> write_private(const std::string& path, std::string_view text) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fault_of(path, errno);
  while (!text.empty()) {
    auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      auto f = fault_of(path, errno);
      ::close(fd);
      return f;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(fd);
  return {};
}

protocol::result<descriptor> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fault_of(path, ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), listen_backlog) != 0)
    return fault_of(path, errno);
  return fd;
}

}  // namespace

std::string connection_text(const std::string& ip, const std::string& key) {
  nlohmann::ordered_json info{{"transport", "ipc"},
                              {"ip", ip},
                              {"shell_port", shell_port},
                              {"stdin_port", stdin_port},
                              {"control_port", control_port},
                              {"iopub_port", iopub_port},
                              {"hb_port", hb_port},
                              {"signature_scheme", "hmac-sha256"},
                              {"key", key},
                              {"kernel_name", "python3"}};
  return info.dump(2) + "\n";
}

std::string run_dir_of(const std::string& data_dir) {
  auto run = data_dir + "/run";
  if (run.size() + below_run_max <= socket_path_max) return run;
  return "/tmp/troupe-" + std::to_string(::geteuid()) + "-" + hex_of(stable_hash(data_dir));
}

protocol::result<void> ensure_private_dir(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fault_of(path, errno);
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return fault_of(path, errno);
  if (!S_ISDIR(found.st_mode)) return fault_of(path, ENOTDIR);
  if (found.st_uid != ::geteuid() || (found.st_mode & 07777) != 0700)
    return protocol::fault{protocol::error_code::unavailable,
                           path + ": exists, but is not a folder of ours with mode 0700",
                           {},
                           0};
  return {};
}

protocol::result<kernel_folder> make_kernel_folder(const std::string& run,
                                                   const std::string& name) {
  // Made anew at each start: a cleaner of /tmp may have taken it since the last one.
  if (auto there = ensure_private_dir(run); !there) return there.error();
  kernel_folder folder;
  folder.path = run + "/" + name;
  folder.connection_file = folder.path + "/kernel.json";
  folder.key = random_hex(32);
  if (::mkdir(folder.path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return fault_of(folder.path, errno);
    remove_folder(folder.path);
    if (::mkdir(folder.path.c_str(), 0700) != 0) return fault_of(folder.path, errno);
  }
  auto made =
      write_private(folder.connection_file, connection_text(folder.path + "/k", folder.key));
  for (int port = shell_port; made && port <= hb_port; ++port) {
    auto listener = listen_at(folder.socket_path(port));
    if (listener)
      folder.listeners.push_back(std::move(*listener));
    else
      made = listener.error();
  }
  if (!made) {
    remove_folder(folder.path);
    return made.error();
  }
  return folder;
}

void remove_folder(const std::string& path) noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

std::string random_hex(std::size_t bytes) {
  std::string out;
  while (out.size() < 2 * bytes) {
    std::uint64_t word = 0;
    if (::getrandom(&word, sizeof word, 0) != sizeof word)
      throw std::runtime_error("the operating system gave no random bytes");
    out += hex_of(word);
  }
  out.resize(2 * bytes);
  return out;
}

}  // namespace gateways
