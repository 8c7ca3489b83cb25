// The bytes of one file: read, replaced as a whole, added to, edited.
//
// Called on threads that may block. What replaces a file does so at once and as a whole; until then
// the old one stands, and it stays when anything fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/files/root.hpp"
#include "gateways/files/staged.hpp"
#include "protocol/files/conditions.hpp"
#include "protocol/files/edit.hpp"

namespace gateways::files {

using protocol::files::conditions;

/// A file or a folder, open for reading.
struct opened {
  descriptor fd;
  entry is;
};
/// `wrong_state` for what is neither.
result<opened> open_for_reading(const root& in, const std::string& path);

struct written {
  entry file;
  bool created = false;
};

/// One upload: open, write pieces, finish. Dropped before that, it leaves nothing.
class upload {
 public:
  /// Refuses early what `finish` would refuse too.
  static result<upload> open(root in, const std::string& path, conditions c);

  result<void> write(std::string_view bytes) { return file_.write(bytes); }

  /// Calls for one sandbox come one after the other, so that conditions hold between clients.
  result<written> finish();

 private:
  upload(root in, staged file, conditions c)
      : root_(std::move(in)), file_(std::move(file)), conditions_(std::move(c)) {}

  root root_;
  staged file_;
  conditions conditions_;
};

result<written> append(const root& in, const std::string& path, std::string_view bytes);

struct edit_request {
  std::string path;
  std::string old;
  std::string with;
  bool all = false;
  bool dry_run = false;
  conditions only_if;
  std::optional<std::uint64_t> room_bytes{};  ///< by how much it may grow
};
struct edited {
  entry file;
  std::uint64_t replacements = 0;
  protocol::files::text_diff diff;
};
/// `invalid_field` with the member `places` when `old` is not there, or there several times; also
/// when the file is too large, or would be, which is known before it is built. `disk_quota` when it
/// would grow by more than there is room for.
result<edited> edit(const root& in, const edit_request& what);

/// A file, or an empty folder.
result<void> remove_one(const root& in, const std::string& path, const conditions& c);

fault precondition(std::string_view path, std::string_view etag);

}  // namespace gateways::files
