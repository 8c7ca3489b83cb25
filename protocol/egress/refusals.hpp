// What is told of one sandbox's refusals: all at first, then one a second, with how many there
// were.
//
// Pure, on a clock that the caller passes. A program that asks without end fills no journal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/egress/policy.hpp"
#include "protocol/http/token_bucket.hpp"

namespace protocol::egress {

class refusals {
 public:
  using time_point = http::token_bucket::time_point;
  static constexpr double told_per_s = 1;
  static constexpr std::uint64_t told_at_once = 10;

  refusals(std::string sandbox_id, time_point now)
      : sandbox_id_(std::move(sandbox_id)), bucket_(told_per_s, told_at_once, now) {}

  /// The data of an event `egress_refused`, whose `times` counts those before it that were not
  /// told; none: this one is not told either.
  std::optional<std::string> refused(const target& to, std::string_view rule, time_point now);

 private:
  std::string sandbox_id_;
  http::token_bucket bucket_;
  std::uint64_t untold_ = 0;
};

}  // namespace protocol::egress
