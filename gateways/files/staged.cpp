#include "gateways/files/staged.hpp"

#include <fcntl.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace gateways::files {

std::string hidden_name() {
  unsigned long long bits[2] = {};
  while (::getrandom(bits, sizeof bits, 0) != sizeof bits) {
  }
  char text[48];
  std::snprintf(text, sizeof text, ".troupe-%016llx%016llx", bits[0], bits[1]);
  return text;
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

result<std::string> read_whole(int fd, std::size_t bytes_max, std::string_view path) {
  std::string out;
  for (;;) {
    constexpr std::size_t step = 64 << 10;
    auto had = out.size();
    out.resize(std::min(had + step, bytes_max + 1));
    auto n = ::pread(fd, out.data() + had, out.size() - had, static_cast<off_t>(had));
    if (n < 0 && errno != EINTR) return failure(errno, path);
    out.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0 || out.size() > bytes_max) return out;
  }
}

result<staged> staged::make(spot at) {
  descriptor fd(::openat(at.folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return staged(std::move(at), std::move(fd), {});
  if (errno != EOPNOTSUPP && errno != EISDIR) return failure(errno, at.path);
  auto name = hidden_name();
  fd.reset(::openat(at.folder.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return failure(errno, at.path);
  return staged(std::move(at), std::move(fd), std::move(name));
}

staged::staged(staged&& other) noexcept
    : at_(std::move(other.at_)),
      fd_(std::move(other.fd_)),
      hidden_(std::exchange(other.hidden_, {})) {}

staged::~staged() {
  if (!hidden_.empty()) ::unlinkat(at_.folder.get(), hidden_.c_str(), 0);
}

result<void> staged::write(std::string_view bytes) {
  if (auto error = write_all(fd_.get(), bytes)) return failure(error, at_.path);
  return {};
}

result<void> staged::write_at(std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    auto n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno != EINTR) return failure(errno, at_.path);
    if (n <= 0) continue;
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

result<void> staged::set_size(std::uint64_t bytes) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) return failure(errno, at_.path);
  return {};
}

/// 0 or the error.
int staged::name_it(bool replace) {
  auto folder = at_.folder.get();
  if (hidden_.empty()) {
    auto self = "/proc/self/fd/" + std::to_string(fd_.get());
    auto link = [&](const std::string& name) {
      auto failed = ::linkat(AT_FDCWD, self.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) != 0;
      return failed ? errno : 0;
    };
    auto error = link(at_.name);
    if (error != EEXIST || !replace) return error;
    auto name = hidden_name();
    if (auto failed = link(name)) return failed;
    hidden_ = std::move(name);
  }
  if (::renameat2(folder, hidden_.c_str(), folder, at_.name.c_str(),
                  replace ? 0 : RENAME_NOREPLACE) != 0)
    return errno;
  hidden_.clear();
  return 0;
}

result<struct stat> staged::put(bool replace, unsigned permissions) {
  struct stat done {};
  if (::fchmod(fd_.get(), permissions) != 0) return failure(errno, at_.path);
  if (at_.gets && ::fchown(fd_.get(), at_.gets->uid, at_.gets->gid) != 0)
    return failure(errno, at_.path);
  if (auto error = name_it(replace)) return failure(error, at_.path);
  if (::fstat(fd_.get(), &done) != 0) return failure(errno, at_.path);
  return done;
}

}  // namespace gateways::files
