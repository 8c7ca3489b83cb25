// Where a workload finds the two ways out of its network namespace: a forward proxy on its own
// loopback, and a Unix socket at an abstract address through which it adds to `.store/`. The init
// makes a listener there, before the workload begins, and sends it to the daemon over a Unix
// SOCK_SEQPACKET socket, as one packet with one descriptor. It holds that socket as long as it
// lives; when the daemon's end closes, all of it has ended.
//
// What is said to the store: SOCK_SEQPACKET, one packet `NAME NUL RECORD`, answered by one packet
// of JSON with the member `status` (200, or as the file API's) and, when refused, `detail`.
#pragma once

#include <cstdint>

namespace gateways::inside {

inline constexpr std::uint16_t proxy_port = 3128;

/// Abstract: it lies in the network namespace and in no folder.
inline constexpr char store_address[] = "\0troupe-store";
inline constexpr unsigned store_address_bytes = sizeof store_address - 1;
inline constexpr unsigned store_name_bytes_max = 64, store_record_bytes_max = 128 << 10;

}  // namespace gateways::inside
