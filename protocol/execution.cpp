#include "protocol/execution.hpp"

#include <array>

namespace protocol {
namespace {

constexpr std::array<std::string_view, 3> states{"queued", "running", "ended"};
static_assert(states.size() == static_cast<std::size_t>(execution_state::ended) + 1);

constexpr std::array<std::string_view, 11> statuses{
    "none",         "ok",          "error",     "interrupted", "timeout",  "memory_limit",
    "output_limit", "kernel_died", "cancelled", "node_lost",   "shutdown",
};
static_assert(statuses.size() == static_cast<std::size_t>(execution_status::shutdown) + 1);

}  // namespace

std::string_view name_of(execution_state state) noexcept {
  auto index = static_cast<std::size_t>(state);
  return index < states.size() ? states[index] : states[0];
}

std::string_view name_of(execution_status status) noexcept {
  auto index = static_cast<std::size_t>(status);
  return index < statuses.size() ? statuses[index] : statuses[0];
}

execution_status status_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < statuses.size(); ++i)
    if (statuses[i] == name) return static_cast<execution_status>(i);
  return execution_status::none;
}

}  // namespace protocol
