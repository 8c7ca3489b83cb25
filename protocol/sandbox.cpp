#include "protocol/sandbox.hpp"

#include <array>

namespace protocol {
namespace {

constexpr std::array<std::string_view, 2> modes{"agent", "chat"};
static_assert(modes.size() == static_cast<std::size_t>(sandbox_mode::chat) + 1);

constexpr std::array<std::string_view, 4> sandbox_states{"starting", "ready", "failed", "closing"};
static_assert(sandbox_states.size() == static_cast<std::size_t>(sandbox_state::closing) + 1);

constexpr std::array<std::string_view, 5> kernel_states{"starting", "idle", "busy", "restarting",
                                                        "failed"};
static_assert(kernel_states.size() == static_cast<std::size_t>(kernel_state::failed) + 1);

template <class Names, class Enum>
std::string_view pick(const Names& names, Enum value) noexcept {
  auto index = static_cast<std::size_t>(value);
  return index < names.size() ? names[index] : names[0];
}

}  // namespace

std::string_view name_of(sandbox_mode mode) noexcept {
  return pick(modes, mode);
}

std::string_view name_of(sandbox_state state) noexcept {
  return pick(sandbox_states, state);
}

std::string_view name_of(kernel_state state) noexcept {
  return pick(kernel_states, state);
}

}  // namespace protocol
