// How often one client may ask for work: a token bucket a client, on a clock that the caller
// passes.
//
// Owned by the HTTP gateway's thread. The number of buckets is bounded: a full bucket remembers
// nothing and is dropped first, then the one that was idle longest.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace protocol::http {

class token_bucket {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct decision {
    bool allowed = true;
    std::uint64_t remaining = 0;  ///< whole tokens left
    double wait_s = 0;            ///< until one more token is there; 0 when one is
  };

  /// `per_s` > 0, `burst` >= 1; begins full.
  token_bucket(double per_s, std::uint64_t burst, time_point now)
      : per_s_(per_s), burst_(static_cast<double>(burst)), tokens_(burst_), at_(now) {}

  decision take(time_point now);
  bool full_at(time_point now) const { return tokens_at(now) >= burst_; }
  time_point touched() const { return at_; }

 private:
  double tokens_at(time_point now) const;

  double per_s_;
  double burst_;
  double tokens_;
  time_point at_;
};

class rate_limiter {
 public:
  /// `per_s` 0: everybody may do anything.
  rate_limiter(double per_s, std::uint64_t burst, std::size_t clients_max = 4'096)
      : per_s_(per_s), burst_(burst < 1 ? 1 : burst), clients_max_(clients_max) {}

  token_bucket::decision take(std::string_view client, token_bucket::time_point now);

  bool unlimited() const { return per_s_ <= 0; }
  std::size_t clients() const { return buckets_.size(); }
  /// The value of `RateLimit-Policy`.
  std::string policy() const;
  /// The value of `RateLimit`.
  static std::string state(const token_bucket::decision& d);

 private:
  void make_room(token_bucket::time_point now);

  double per_s_;
  std::uint64_t burst_;
  std::size_t clients_max_;
  std::map<std::string, token_bucket, std::less<>> buckets_;
};

}  // namespace protocol::http
