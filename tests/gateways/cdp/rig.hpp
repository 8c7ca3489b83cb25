// A fake browser on a thread of its own, under a real listener: a plain header, so that Asio
// (rig.cpp) and CAF's test framework never meet in one translation unit.
//
// The browser has one page, `T1`, and answers each message with itself, but for commands of Target
// and these words: `flood` is answered by much, `again` by the end of this generation.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateways/cdp/cdp_server.hpp"

namespace tests {

inline constexpr std::size_t flood_messages = 64, flood_bytes = 1 << 20;

/// A port that the system chooses, and the token "secret".
gateways::cdp_server_options rig_options();

class cdp_rig {
 public:
  explicit cdp_rig(gateways::cdp_server_options options = rig_options());
  ~cdp_rig();

  gateways::cdp_server& server();
  std::uint16_t port() const;
  std::uint16_t remote_port() const;
  void stop_server();

  /// From now on there is no browser, because of this.
  void fail(std::string why);
  /// From now on the browser answers `connect` from within.
  void answer_at_once();
  /// Clients of a target of which was heard that they have gone; waits until they are so many.
  bool gone(std::size_t clients);
  /// The sandbox that was last asked for.
  std::string sandbox() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace tests
