#include "protocol/cause.hpp"

#include <array>
#include <csignal>
#include <cstring>

#include "protocol/json.hpp"

namespace protocol {
namespace {

constexpr std::array<std::string_view, 19> kinds{
    "none",         "exit",       "signal",    "memory_limit",       "time_limit",
    "output_limit", "disk_quota", "heartbeat", "start_timeout",      "start_failed",
    "interrupt",    "cancelled",  "restart",   "protocol_error",     "actor_failed",
    "daemon_lost",  "shutdown",   "expired",   "restarts_exhausted",
};
static_assert(kinds.size() == static_cast<std::size_t>(cause_kind::restarts_exhausted) + 1);

constexpr int signal_max = 64;

int signal_from_name(const std::string& name) {
  for (int number = 1; number <= signal_max; ++number)
    if (signal_name(number) == name) return number;
  return 0;
}

void append_or_null(std::string& out, std::string_view text) {
  if (text.empty())
    out += "null";
  else
    append_json_string(out, text);
}

}  // namespace

std::string_view name_of(cause_kind kind) noexcept {
  auto index = static_cast<std::size_t>(kind);
  return index < kinds.size() ? kinds[index] : kinds[0];
}

std::string signal_name(int signal) {
  const char* known = sigabbrev_np(signal);
  return "SIG" + (known ? std::string(known) : std::to_string(signal));
}

std::string to_json(const cause& c) {
  if (c.kind == cause_kind::none) return "null";
  std::string out = R"({"kind":")";
  out += name_of(c.kind);
  out += R"(","signal":)";
  append_or_null(out, c.signal == 0 ? std::string() : signal_name(c.signal));
  out += R"(,"exit_code":)";
  out += c.exit_code < 0 ? "null" : std::to_string(c.exit_code);
  out += R"(,"limit":)";
  append_or_null(out, c.limit);
  out += R"(,"detail":)";
  append_json_string(out, c.detail);
  out += '}';
  return out;
}

cause cause_from_json(std::string_view json) {
  cause c;
  if (!is_json_object(json)) return c;
  constexpr std::array<std::string_view, 5> names{"kind", "signal", "exit_code", "limit", "detail"};
  std::array<std::string_view, 5> values;
  json_members(json, names, values);
  auto kind = json_text(values[0]);
  for (std::size_t i = 1; i < kinds.size(); ++i)
    if (kinds[i] == kind) c.kind = static_cast<cause_kind>(i);
  if (c.kind == cause_kind::none) return c;
  c.signal = signal_from_name(json_text(values[1]));
  c.exit_code = static_cast<int>(json_integer(values[2], -1));
  c.limit = json_text(values[3]);
  c.detail = json_text(values[4]);
  return c;
}

}  // namespace protocol
