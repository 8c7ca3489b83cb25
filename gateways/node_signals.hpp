// The signals that the main thread waits for: two from outside, two from the actors.
#pragma once

#include <pthread.h>
#include <csignal>

namespace gateways {

inline constexpr int start_signal = SIGUSR1;  ///< `main` of `default` is ready, or failed for good
inline constexpr int over_signal = SIGUSR2;   ///< drained, or the supervisor gave up

/// To be waited for; called before there is any other thread, so that all inherit the mask.
inline sigset_t take_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int s : {SIGINT, SIGTERM, start_signal, over_signal}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

}  // namespace gateways
