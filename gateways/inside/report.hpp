// What the init of a workload tells the daemon, over a Unix SOCK_SEQPACKET socket: one `report` a
// packet. The daemon's end is the init's lifeline: when it closes, all must end.
//
// Plain data for two programs of one build; no library is needed to read it. The kernel adds the
// sender's process number, translated into the daemon's namespace, to every packet.
#pragma once

#include <cstdint>

namespace gateways::inside {

enum class report_kind : std::int32_t {
  started = 1,  ///< from the workload itself, just before exec: whose number this is
  exec_failed,  ///< `value` is the errno
  exited,       ///< `value` is the exit code
  ended_by,     ///< `value` is the signal
};

struct report {
  report_kind kind = report_kind::started;
  std::int32_t value = 0;
  std::int32_t memory_peak_kib = 0;  ///< at the end: of the largest process that has ended so far
};

}  // namespace gateways::inside
