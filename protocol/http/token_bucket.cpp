#include "protocol/http/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace protocol::http {

double token_bucket::tokens_at(time_point now) const {
  auto seconds = std::chrono::duration<double>(now - at_).count();
  return std::min(burst_, tokens_ + std::max(0.0, seconds) * per_s_);
}

token_bucket::decision token_bucket::take(time_point now) {
  tokens_ = tokens_at(now);
  at_ = std::max(at_, now);
  // Sums of many small gains fall short of one by rounding.
  constexpr double nearly_one = 1.0 - 1e-9;
  bool allowed = tokens_ >= nearly_one;
  if (allowed) tokens_ = std::max(0.0, tokens_ - 1.0);
  auto wait = tokens_ >= nearly_one ? 0.0 : (1.0 - tokens_) / per_s_;
  return {allowed, static_cast<std::uint64_t>(tokens_ + 1e-9), wait};
}

token_bucket::decision rate_limiter::take(std::string_view client, token_bucket::time_point now) {
  if (unlimited()) return {};
  auto it = buckets_.find(client);
  if (it == buckets_.end()) {
    if (buckets_.size() >= clients_max_) make_room(now);
    it = buckets_.emplace(client, token_bucket(per_s_, burst_, now)).first;
  }
  return it->second.take(now);
}

void rate_limiter::make_room(token_bucket::time_point now) {
  std::erase_if(buckets_, [&](const auto& entry) { return entry.second.full_at(now); });
  if (buckets_.size() < clients_max_) return;
  buckets_.erase(std::ranges::min_element(
      buckets_, {}, [](const auto& entry) { return entry.second.touched(); }));
}

std::string rate_limiter::policy() const {
  auto window = std::max(1.0, std::ceil(static_cast<double>(burst_) / per_s_));
  return "\"requests\";q=" + std::to_string(burst_) +
         ";w=" + std::to_string(static_cast<std::uint64_t>(window));
}

std::string rate_limiter::state(const token_bucket::decision& d) {
  return "\"requests\";r=" + std::to_string(d.remaining) +
         ";t=" + std::to_string(static_cast<std::uint64_t>(std::ceil(d.wait_s)));
}

}  // namespace protocol::http
