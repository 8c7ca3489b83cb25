// Goes through a folder in the order of listings, without following a link.
//
// On one thread that may block. Each folder is opened by one name in the folder before it, so what
// is renamed meanwhile cannot lead the walk elsewhere. Bounds: `folder_entries_max` names of one
// folder are read, and `held_names_max` of it and all those around it; folders are entered
// `depth_max` deep; what has a path longer than `path_bytes_max` is passed by, since no request can
// name it. What is left out for that, or cannot be read, makes the walk incomplete.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "gateways/files/root.hpp"

namespace gateways::files {

inline constexpr int depth_max = 64;
inline constexpr int depth_whole = depth_max + 1;  ///< asks for all: what lies deeper is missed
inline constexpr std::size_t folder_entries_max = 100'000;
inline constexpr std::size_t held_names_max = 200'000;

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

  /// False: something was left out.
  bool complete() const { return complete_; }

 private:
  bool enter(int fd, const std::string& path, int depth);
  bool meet(int fd, const std::string& name, const std::string& inner, int depth);
  void missed();

  const root& root_;
  const visitor* visit_ = nullptr;
  std::string after_;
  bool whole_ = false;  ///< all was asked for
  std::size_t names_held_ = 0;
  bool complete_ = true;
};

/// The names in the folder `fd`, which has an offset of its own, sorted; at most so many.
std::vector<std::string> names_in(int fd, std::size_t names_max, bool& complete);

}  // namespace gateways::files
