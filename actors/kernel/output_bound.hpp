// Bounds what one execution may print: the beginning is passed on as it comes, the end is held
// back until the execution ends, and what lies between goes to a file.
//
// Pure. Owned by an execution of the kernel machine, or by a command machine. Invariant: what was
// passed on, then what was spilled, then what `finish` returns, is all that was added, in order,
// each byte once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/buffer.hpp"

namespace actors {

struct output_item {
  std::string type;          ///< a Jupyter message type
  protocol::buffer content;  ///< its content, one line of JSON
};

class output_bound {
 public:
  /// Each item costs its bytes and `item_cost`, so that many tiny ones are bounded as well.
  static constexpr std::uint64_t item_cost = 128;
  /// A stream longer than this is cut into pieces where the bound needs it; smaller ones where it
  /// is low, so that the tail is made of several.
  static constexpr std::size_t piece_bytes = 64 << 10;
  static constexpr std::size_t piece_bytes_min = 4 << 10;

  explicit output_bound(std::uint64_t bytes_max)
      : head_max_(bytes_max - bytes_max / 8),
        tail_max_(bytes_max / 8),
        piece_(std::clamp<std::uint64_t>(tail_max_ / 4, piece_bytes_min, piece_bytes)) {}

  struct passed {
    std::vector<output_item> items;       ///< to be told now
    std::vector<protocol::buffer> spill;  ///< to be appended to the file
  };

  /// Takes an item. Content that is not a valid JSON object is left out and counted.
  passed add(output_item item);
  /// The same for UTF-8 text that was printed on the stream `name`.
  passed add_text(const std::string& name, std::string_view text);

  struct rest {
    std::vector<output_item> items;  ///< the end that was held back
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_kept = 0;
    bool cut = false;  ///< something was spilled
  };
  rest finish();

  std::uint64_t spilled_bytes() const noexcept { return spilled_; }
  std::uint64_t malformed() const noexcept { return malformed_; }

 private:
  struct held {
    output_item item;
    std::uint64_t bytes;
    protocol::buffer plain;  ///< what the file gets if it is pushed out
  };
  void take(output_item item, std::uint64_t bytes, protocol::buffer plain, passed& out);
  void take_stream(const std::string& name, std::string_view text, passed& out);

  std::uint64_t head_max_;
  std::uint64_t tail_max_;
  std::size_t piece_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t spilled_ = 0;
  std::uint64_t malformed_ = 0;
  bool head_full_ = false;
  std::deque<held> held_;
};

}  // namespace actors
