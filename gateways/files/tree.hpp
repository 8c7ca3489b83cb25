// Folders of a workspace: listed, made, moved, copied, removed.
//
// Called on threads that may block. A move within a zone is one rename; between zones it is a copy
// and a removal, since whoever holds the old file open could write to it in its new zone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gateways/files/contents.hpp"
#include "gateways/files/root.hpp"
#include "protocol/files/entry.hpp"

namespace gateways::files {

struct list_request {
  std::string path;
  int depth = 1;
  std::size_t limit = 1'000;
  std::string after;  ///< the path of the last entry seen
};
result<protocol::files::listing> list(const root& in, const list_request& what);

/// Also the folders on the way; a folder that is there already is none created.
result<written> make(const root& in, const std::string& path);

/// What one call may cost, whatever the tree becomes meanwhile.
struct bounds {
  std::uint64_t entries = 100'000;
  std::uint64_t bytes = 1 << 30;  ///< copied; holes are none
  std::chrono::milliseconds time{60'000};
};
inline constexpr bounds removal_bounds{1'000'000, 0, std::chrono::milliseconds(30'000)};

struct transfer {
  std::string from;
  std::string to;
  bool replace = false;  ///< a file that stands at `to`; never a folder
  bounds at_most{};
};
result<entry> move(const root& in, const transfer& what);

/// A link is copied as a link; FIFOs and sockets in a folder are left out. It appears when it is
/// whole: a folder is copied under a hidden name, and gone again when that fails.
result<entry> copy(const root& in, const transfer& what);

/// With all that is in it. The number of entries.
result<std::uint64_t> remove_all(const root& in, const std::string& path,
                                 const bounds& at_most = removal_bounds);

}  // namespace gateways::files
