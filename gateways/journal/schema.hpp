// The journal's tables, and the list of steps that made them what they are.
//
// `PRAGMA user_version` counts the steps a file has seen. A step, once released, is never changed:
// what must change is a new one at the end.
#pragma once

#include <span>

namespace gateways {

std::span<const char* const> journal_migrations() noexcept;

}  // namespace gateways
