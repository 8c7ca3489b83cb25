// Pictures of a page as it changes, one after the other: Page.startScreencast in words of its own.
//
// A pure machine between one client and one session of a page: the client's texts and the browser's
// in, texts for the other out. The client says which frame it has; the browser sends no more than a
// few beyond that, so a slow client gets fewer frames and no old ones.
// Invariants: frames are numbered from 1 without gaps; each is acknowledged at most once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/http/target.hpp"

namespace protocol::cdp {

struct screencast_options {
  std::string format = "jpeg";  ///< or "png"
  std::uint64_t quality = 80;   ///< 1 to 100, of jpeg
  std::uint64_t max_width = 0;  ///< pixels of the picture; 0: as the page is
  std::uint64_t max_height = 0;
  std::uint64_t every = 1;  ///< one of so many frames, at most 1000
};

/// Of `format`, `quality`, `max_width`, `max_height`, `every`; `invalid_field` says what is wrong
/// with each, an unknown one too.
result<screencast_options> read_screencast_options(const http::query& q);

class screencast {
 public:
  explicit screencast(screencast_options options) : options_(std::move(options)) {}

  /// The command that begins it.
  std::string begin();
  /// What the client is to get, if anything: a frame, `visible`, or an `error`: it cannot begin.
  std::optional<std::string> from_browser(std::string_view text);

  struct said {
    std::vector<std::string> commands;
    std::optional<std::string> answer;  ///< an `error`, which costs nothing
  };
  /// {"ack": N}: it has the frames up to number N.
  said from_client(std::string_view text);

 private:
  std::string frame(std::string_view params);

  const screencast_options options_;
  std::int64_t last_id_ = 0;
  std::uint64_t sent_ = 0, acknowledged_ = 0;
  std::int64_t cast_ = 0;  ///< as the browser numbers its casts
};

}  // namespace protocol::cdp
