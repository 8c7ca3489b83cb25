// Goes through a folder in the order of listings, without following a link.
//
// On one thread that may block. Each folder is opened by one name in the folder before it, so what
// is renamed meanwhile cannot lead the walk elsewhere. Bounds: `folder_entries_max` names of one
// folder are read, folders are entered `depth_max` deep.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "gateways/files/root.hpp"

namespace gateways::files {

inline constexpr int depth_max = 64;
inline constexpr std::size_t folder_entries_max = 100'000;

enum class step : std::uint8_t {
  enter,  ///< go on, and into it if it is a folder
  pass,   ///< go on, not into it
  stop,
};

/// Something on the way: its entry, and how to reach it.
struct met {
  entry is;
  int folder = -1;
  const std::string& name;
};

class walk {
 public:
  using visitor = std::function<step(met&)>;

  explicit walk(const root& in) : root_(in) {}

  /// Through what lies in `path`, `depth` folders deep; `after` is where an earlier walk stopped.
  result<void> through(const std::string& path, int depth, const std::string& after,
                       const visitor& visit);

  /// False: a folder had more names than are read, or lay too deep.
  bool complete() const { return complete_; }

 private:
  bool enter(int fd, const std::string& path, int depth);

  const root& root_;
  const visitor* visit_ = nullptr;
  std::string after_;
  bool complete_ = true;
};

/// The names in the folder `fd`, which has an offset of its own, sorted; at most so many.
std::vector<std::string> names_in(int fd, std::size_t names_max, bool& complete);

}  // namespace gateways::files
