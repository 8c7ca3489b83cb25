// The folders that one inotify instance watches, and what its records mean.
//
// Pure; owned by one watcher, on one thread. A record names the watch of a folder and a name in it;
// here the watch becomes a path and the record a change. Whoever feeds it watches the folders it
// asks for. Invariant: a folder that was moved keeps its watch, under its new path if that lies in
// the tree; else the watch is given back by `settle`.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/files/change_feed.hpp"

namespace gateways::files {

struct watch_record {
  int watch = -1;
  std::uint32_t mask = 0;
  std::uint32_t cookie = 0;
  std::string_view name;
};

/// The records in what was read from inotify.
std::vector<watch_record> records_in(std::string_view bytes);

/// The names that files of ours have until they are whole: nobody is told of them.
bool is_hidden(std::string_view name) noexcept;

class watched_tree {
 public:
  /// What is below the folders in it only if it is `recursive`.
  explicit watched_tree(bool recursive) : recursive_(recursive) {}

  /// The folder at `path` has this watch. False: it had it already, under whatever path.
  bool put(int watch, const std::string& path);
  std::size_t size() const { return folders_.size(); }

  void take(const watch_record& r, protocol::files::change_feed& to);

  /// The folders to watch, with all in them, that have come since the last time.
  std::set<std::string> entered() { return std::exchange(entered_, {}); }
  /// The watches of folders that were moved out since the last time: nothing of them is told.
  std::vector<int> settle();

  /// Records were lost: everything is to be watched anew, between these two. The second gives the
  /// watches of folders that were not met again.
  void begin_round() { ++round_; }
  std::vector<int> end_round();

  /// Since the last time.
  bool lost() { return std::exchange(lost_, false); }
  /// The first folder that was put is gone.
  bool gone() const { return gone_; }

 private:
  struct folder {
    std::string path;
    std::uint64_t round = 0;
    std::uint32_t cookie = 0;  ///< it, or one around it, is being moved
  };
  void take_name(const folder& in, const watch_record& r, protocol::files::change_feed& to);
  void leaves(const std::string& path, std::uint32_t cookie);
  void arrives(const watch_record& r, const std::string& path, protocol::files::change_feed& to);
  template <class Which>
  std::vector<int> give_back(Which which);

  const bool recursive_;
  std::unordered_map<int, folder> folders_;
  int top_ = -1;
  std::uint64_t round_ = 0;
  std::set<std::string> entered_;
  std::unordered_map<std::uint32_t, std::string> moving_;  ///< folders, by cookie
  std::set<std::uint32_t> unhiding_;                       ///< what had a hidden name
  bool lost_ = false, gone_ = false;
};

}  // namespace gateways::files
