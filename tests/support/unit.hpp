// What a unit test includes: CAF's test framework without actors, and seeds for random tests.
//
// A random test calls `seed()` once and prints it in each check that may fail; TROUPE_TEST_SEED
// replays one.
#pragma once

#include <caf/test/unit_test.hpp>
#include <cstdint>
#include <cstdlib>
#include <random>

#ifndef FAIL
#define FAIL CAF_FAIL
#endif

namespace tests {

inline std::uint64_t seed() {
  const char* fixed = std::getenv("TROUPE_TEST_SEED");
  auto value = fixed ? std::strtoull(fixed, nullptr, 10) : std::random_device{}();
  CAF_MESSAGE("seed=" << value);
  return value;
}

}  // namespace tests
