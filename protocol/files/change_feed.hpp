// What changes below a watched folder, as numbered events: gathered for a moment, kept for a while.
//
// Pure; owned by one watcher, on one thread. Changes are noted as they are heard of and told in
// batches, so that what belongs together is said once. Each event has the number after the one
// before it, from 1; its cursor names the feed as well, so that a number of another feed is not
// mistaken for one of this. Bounds: `pending_max` changes wait to be told, beyond that they become
// one `overflow`; the last `kept_max` events, or `kept_bytes_max` bytes of them, are kept for
// readers that come back.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/buffer.hpp"
#include "protocol/error.hpp"
#include "protocol/files/entry.hpp"

namespace protocol::files {

enum class change_type : std::uint8_t { created, modified, removed, moved, overflow };

struct change_event {
  change_type type = change_type::modified;
  std::string path;
  std::string from{};         ///< of `moved`
  std::optional<kind> is{};   ///< none: not known (yet)
  std::uint32_t cookie = 0;   ///< of `removed`: where it went may follow
  std::string_view reason{};  ///< of `overflow`
};

/// Where a reader stands: what it has seen last, and of which feed. As text `FEED-N`.
struct change_cursor {
  std::string feed;
  std::uint64_t n = 0;
};
result<change_cursor> parse_change_cursor(std::string_view text, std::string_view pointer);

/// What stands at a path now; nothing when it is gone.
using kind_finder = std::function<std::optional<kind>(const std::string& path)>;

class change_feed {
 public:
  static constexpr std::size_t pending_max = 2'048, kept_max = 2'048, kept_bytes_max = 1 << 20;

  /// `name` is of this feed alone; `top` is the path of the watched folder.
  change_feed(std::string name, std::string top) : name_(std::move(name)), top_(std::move(top)) {}

  void note(change_event what);
  /// The other half of a move: what was noted as removed with that cookie. False: nothing was.
  bool arrived(std::uint32_t cookie, const std::string& to, bool folder);
  /// Something was missed; `reason` is a literal, of which the last of a batch is told.
  void overflow(std::string_view reason) { missed_ = reason; }

  bool pending() const { return !pending_.empty() || !missed_.empty(); }
  /// Half full: time to tell what waits.
  bool filling() const { return pending_.size() >= pending_max / 2; }

  struct events {
    std::string after;  ///< the cursor of what came before them
    std::uint64_t first = 1;
    std::vector<buffer> lines;
  };
  /// Gives what was noted its numbers.
  events tell(unix_ms at, const kind_finder& find);

  /// What a reader that comes back has not seen yet. Begins with an `overflow` when that is not
  /// known any more; it has the last number given, so that the next event follows it.
  events since(const change_cursor& seen, unix_ms at) const;

  /// After the last event.
  change_cursor here() const { return {name_, last_}; }

 private:
  std::string cursor_of(std::uint64_t n) const { return name_ + '-' + std::to_string(n); }
  buffer render(std::uint64_t n, const change_event& what, unix_ms at) const;
  void keep(const buffer& line);

  const std::string name_, top_;
  std::vector<change_event> pending_;
  std::unordered_map<std::string, std::size_t> latest_;      ///< of a path, in `pending_`
  std::unordered_map<std::uint32_t, std::size_t> departed_;  ///< by cookie, likewise
  std::string_view missed_;                                  ///< why, if anything was
  std::uint64_t last_ = 0;
  std::deque<buffer> kept_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace protocol::files
