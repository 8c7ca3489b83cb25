// Reads a tar archive that a client sent, entry by entry, by libarchive.
//
// libarchive only takes the bytes apart: it never touches the file system. Constant memory. One
// thread at a time, which may block when its source does. Read are ustar, GNU and pax (POSIX
// 1003.1-2001, pax), as they are or in gzip.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/files/entry.hpp"

struct archive;

namespace gateways::files {

struct tar_item {
  std::string name;  ///< as it stands in the archive, without `./` before and `/` behind it
  protocol::files::kind is =
      protocol::files::kind::file;  ///< `other`: nothing that can be unpacked
  std::uint64_t size_bytes = 0;
  unsigned permissions = 0;  ///< of 0777
  std::string target;        ///< of a link
};

class tar_reader {
 public:
  /// The next bytes, at most as many as are asked for; empty: there are no more.
  using source = std::function<std::string_view(std::size_t bytes_max)>;

  explicit tar_reader(source from);
  tar_reader(const tar_reader&) = delete;
  tar_reader& operator=(const tar_reader&) = delete;
  ~tar_reader();

  /// None: that was all. `malformed_request` when the archive cannot be read, or ends too early.
  protocol::result<std::optional<tar_item>> next();
  /// The next bytes of the item; empty: there are no more.
  protocol::result<std::string_view> read();

 private:
  protocol::fault broken() const;

  source from_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::string piece_;
};

}  // namespace gateways::files
