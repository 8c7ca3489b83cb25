// Folders of a workspace: listed, made, moved, copied, removed.
//
// Called on threads that may block. A move within a zone is one rename; between zones it is a copy
// and a removal, since whoever holds the old file open could write to it in its new zone.
#pragma once

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

struct transfer {
  std::string from;
  std::string to;
  bool replace = false;  ///< a file that stands at `to`; never a folder
};
result<entry> move(const root& in, const transfer& what);

/// A link is copied as a link. FIFOs and sockets are left out.
result<entry> copy(const root& in, const transfer& what);

/// With all that is in it. The number of entries.
result<std::uint64_t> remove_all(const root& in, const std::string& path);

}  // namespace gateways::files
