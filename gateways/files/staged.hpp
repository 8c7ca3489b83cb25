// A file that is being written and is nowhere to be seen until it is whole.
//
// It has no name (O_TMPFILE) in the folder it will stand in, so that it counts where the file
// counts, and goes with the last descriptor, also of a daemon that is killed. Where the file system
// has no such files it has a hidden name instead. Used on one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateways/files/root.hpp"

namespace gateways::files {

class staged {
 public:
  static result<staged> make(spot at);
  staged(staged&& other) noexcept;
  staged& operator=(staged&&) = delete;
  ~staged();

  result<void> write(std::string_view bytes);

  /// For a file with holes, which is written in parts and then has its size.
  result<void> write_at(std::string_view bytes, std::uint64_t at);
  result<void> set_size(std::uint64_t bytes);

  /// Takes its place. `replace`: also of what stands there, unless that is a folder.
  result<struct stat> put(bool replace, unsigned permissions);

  const spot& where() const { return at_; }
  /// For reading what was written.
  int fd() const { return fd_.get(); }

 private:
  staged(spot at, descriptor fd, std::string hidden)
      : at_(std::move(at)), fd_(std::move(fd)), hidden_(std::move(hidden)) {}
  int name_it(bool replace);

  spot at_;
  descriptor fd_;
  std::string hidden_;  ///< its name until then; empty: none
};

/// A name that nothing has yet.
std::string hidden_name();

/// Writes all of it; 0 or the error.
int write_all(int fd, std::string_view bytes);

/// The file's bytes, at most `bytes_max` + 1 of them.
result<std::string> read_whole(int fd, std::size_t bytes_max, std::string_view path);

}  // namespace gateways::files
