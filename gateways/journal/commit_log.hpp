// Ends that the journal's tables do not hold yet: DATA_DIR/commits-<n>.log, appended to.
//
// A short execution is kept here with all its events by the kernel actor itself, in one write, so
// that nobody waits for a transaction to hear of its end. The journal writes it into its tables
// soon after and tells `written`; a file all of whose entries are written is removed. What a killed
// daemon left is read by the next journal (`leftovers`). Like the tables' own log it is not synced:
// it survives the death of the daemon; a power cut may take its last moments.
//
// Owned by main, outlives the actors. Every function may be called from any thread; `keep` holds a
// lock for one write to the page cache.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/env.hpp"
#include "protocol/commands.hpp"

namespace gateways {

/// An entry: a line with its length and its CRC-32, one with the record, one for each event.
std::string commit_entry(const protocol::commit_execution& what);
/// The entries of a file up to the first that is cut off or damaged.
std::vector<protocol::commit_execution> read_commits(std::string_view file);

class commit_log : public actors::commit_log {
 public:
  explicit commit_log(std::string data_dir);
  ~commit_log() override;
  commit_log(const commit_log&) = delete;
  commit_log& operator=(const commit_log&) = delete;

  std::uint64_t keep(const protocol::commit_execution& what) override;

  /// All that is in files now, those of an earlier daemon included. New entries go to a new file.
  std::vector<protocol::commit_execution> leftovers();
  /// What `leftovers` answered is in the tables.
  void leftovers_written();
  /// `count` more entries of this file are in the tables.
  void written(std::uint64_t file, std::uint64_t count);

 private:
  struct file_state {
    std::uint64_t kept = 0;
    std::uint64_t written = 0;
    std::uint64_t bytes = 0;
  };

  std::string path(std::uint64_t file) const;
  void close_current();
  bool append(const std::string& entry);
  void remove_if_written(std::uint64_t file);

  const std::string data_dir_;
  std::mutex mutex_;
  std::map<std::uint64_t, file_state> files_;  ///< not empty ones; the last may be open
  std::vector<std::uint64_t> leftovers_;
  std::uint64_t last_ = 0;  ///< the highest number in use
  std::uint64_t bytes_ = 0;
  int fd_ = -1;  ///< of `last_`
};

}  // namespace gateways
