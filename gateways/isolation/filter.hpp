// The system call filters that workloads run under, made with libseccomp once at start.
//
// All calls are allowed but those that reach around the walls: the kernel's administration, other
// namespaces, tracing, key rings, and interfaces with a history of holes. A refused call gets an
// error that libraries know how to live with; nothing is killed for asking. The browser's filter
// leaves what Chromium's own sandbox is built from.
#pragma once

#include "protocol/error.hpp"

namespace gateways {

enum class filter_kind { workload, browser };

/// A sealed memory file with the filter as instructions. The caller owns the descriptor, and opens
/// it anew for each reader (`/proc/self/fd/N`): one that is passed on shares its offset.
protocol::result<int> make_filter(filter_kind kind);

}  // namespace gateways
