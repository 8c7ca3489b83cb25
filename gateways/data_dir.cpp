#include "gateways/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gateways/process/run_dir.hpp"

namespace gateways {
namespace {

using protocol::error_code;
using protocol::fault;

constexpr std::size_t token_bytes_min = 16;  // a shorter one could be guessed

fault refused(const std::string& what) {
  return {.code = error_code::internal, .detail = what + ": " + std::strerror(errno)};
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

/// What the file holds, or, when it is missing or empty, new random hexadecimal.
protocol::result<std::string> kept_secret(const std::string& path, std::size_t bytes) {
  if (auto kept = read_file(path); !kept.empty()) {
    ::chmod(path.c_str(), 0600);
    return kept;
  }
  auto fresh = random_hex(bytes);
  if (auto written = write_atomically(path, fresh + "\n", 0600); !written) return written.error();
  return fresh;
}

}  // namespace

protocol::result<void> write_atomically(const std::string& path, const std::string& content,
                                        int mode) {
  auto next = path + ".new";
  ::unlink(next.c_str());
  int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return refused("cannot write " + next);
  auto written = ::write(fd, content.data(), content.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(content.size()) || ::rename(next.c_str(), path.c_str()) != 0)
    return refused("cannot write " + path);
  return {};
}

protocol::result<data_dir> data_dir::open(const std::string& path) {
  data_dir d;
  std::error_code ec;
  std::filesystem::create_directories(path, ec);
  d.path_ = std::filesystem::canonical(path, ec).string();
  if (ec)
    return fault{.code = error_code::internal,
                 .detail = "the data folder " + path + " cannot be made: " + ec.message()};
  ::chmod(d.path_.c_str(), 0700);
  auto lock_file = d.path_ + "/lock";
  d.lock_ = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  // A read-only disk has no lock to write; a daemon that only reads harms no other.
  if (d.lock_ < 0) d.lock_ = ::open(d.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (d.lock_ < 0) return refused("cannot open " + lock_file);
  if (::flock(d.lock_, LOCK_EX | LOCK_NB) != 0)
    return fault{.code = error_code::already_exists,
                 .detail = "the data folder " + d.path_ + " is held by the daemon with pid " +
                           read_file(lock_file)};
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(d.lock_, 0) == 0) [[maybe_unused]]
    auto n = ::pwrite(d.lock_, pid.data(), pid.size(), 0);
  auto token = kept_secret(d.path_ + "/token", 32);
  if (!token) return token.error();
  if (token->size() < token_bytes_min)
    return fault{.code = error_code::invalid_field,
                 .detail = d.path_ + "/token has " + std::to_string(token->size()) +
                           " characters; it needs " + std::to_string(token_bytes_min) +
                           " or more, or to be deleted: then one is made"};
  auto instance = kept_secret(d.path_ + "/instance", 16);
  if (!instance) return instance.error();
  d.token_ = *token;
  d.instance_ = *instance;
  return d;
}

data_dir::data_dir(data_dir&& other) noexcept
    : path_(std::move(other.path_)),
      token_(std::move(other.token_)),
      instance_(std::move(other.instance_)),
      lock_(std::exchange(other.lock_, -1)) {}

data_dir::~data_dir() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace gateways
