// Where a workload finds the way out of its network namespace: a proxy on its own loopback. The
// init makes the listener there, before the workload begins, and sends it to the daemon over a
// Unix SOCK_SEQPACKET socket, as one packet with one descriptor. It holds that socket as long as
// it lives; when the daemon's end closes, all of it has ended.
#pragma once

#include <cstdint>

namespace gateways::inside {

inline constexpr std::uint16_t proxy_port = 3128;

}  // namespace gateways::inside
