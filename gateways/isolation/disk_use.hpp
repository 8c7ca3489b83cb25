// How much of the disk the files below a folder take. Blocks; any thread.
//
// Walks by descriptors and follows no link, since whoever writes there may be hostile: it may
// rename, delete and nest while the walk is on its way.
#pragma once

#include <cstdint>
#include <string>

namespace gateways {

struct disk_use {
  std::uint64_t bytes = 0;  ///< blocks, not lengths; a file with several names counts once
  bool whole = true;        ///< false: too deep, too many files, or not readable by us
  bool measured = true;     ///< false: we lacked descriptors or memory, so nothing is known
  double took_ms = 0;
};

disk_use disk_use_of(const std::string& folder);

}  // namespace gateways
