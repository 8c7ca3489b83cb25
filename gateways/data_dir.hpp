// The daemon's folder: made private, held by one daemon at a time, with its token and its id.
#pragma once

#include <string>

#include "protocol/error.hpp"

namespace gateways {

/// Holds the lock as long as it lives. Movable, not copyable.
class data_dir {
 public:
  /// Makes the folder (0700), takes its lock, reads or makes token (0600) and instance id.
  /// Refused with a sentence when another daemon holds it, naming its pid, or when the token is
  /// shorter than 16 characters.
  static protocol::result<data_dir> open(const std::string& path);

  data_dir(data_dir&& other) noexcept;
  data_dir& operator=(data_dir&&) = delete;
  ~data_dir();

  const std::string& path() const noexcept { return path_; }
  const std::string& token() const noexcept { return token_; }
  const std::string& instance() const noexcept { return instance_; }
  std::string token_file() const { return path_ + "/token"; }
  /// Where clients of the same user find the daemon; removed when it ends in order.
  std::string daemon_file() const { return path_ + "/daemon.json"; }

 private:
  data_dir() = default;
  std::string path_;
  std::string token_;
  std::string instance_;
  int lock_ = -1;
};

/// Writes a file at once: readers see the old content or the new, never a part.
protocol::result<void> write_atomically(const std::string& path, const std::string& content,
                                        int mode);

}  // namespace gateways
