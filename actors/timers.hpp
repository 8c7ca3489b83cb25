// What actors of a node send to themselves, or to each other, when time has passed.
#pragma once

#include <cstdint>
#include <string>

namespace actors {

/// A kernel's timer went off.
struct kernel_timer {
  enum : std::uint8_t { begin, deadlines, commits, journal };
  std::uint8_t kind = begin;
};
/// A timer of a sandbox's commands went off.
struct command_timer {
  enum : std::uint8_t { deadlines, journal };
  std::uint8_t kind = deadlines;
};
/// A timer of a browser's went off.
struct browser_timer {
  enum : std::uint8_t { deadline, idle, driver };
  std::uint8_t kind = deadline;
  std::uint64_t token = 0;
};
/// A dead child's wait is over.
struct restart_due {
  std::string name;
};
/// An actor's message to itself: look at ttl and idleness, write what waits, take a result.
struct tick {
  std::uint64_t count = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kernel_timer& x) {
  return f(x.kind);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, command_timer& x) {
  return f(x.kind);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browser_timer& x) {
  return f(x.kind, x.token);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restart_due& x) {
  return f(x.name);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tick& x) {
  return f(x.count);
}

}  // namespace actors
