// Durations as people type them: "30s", "500ms", "1.5m", "2h"; a bare number is seconds.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace gateways::cli {

inline std::optional<double> parse_duration_s(std::string_view text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || !(value >= 0)) return {};
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty() || unit == "s") return value;
  if (unit == "ms") return value / 1'000;
  if (unit == "m") return value * 60;
  if (unit == "h") return value * 3'600;
  return {};
}

}  // namespace gateways::cli
