// Faults at the edge of an actor: `caf::error` outside, `protocol::fault` inside, one for one.
#pragma once

#include <caf/error.hpp>

#include "actors/interfaces.hpp"

namespace actors {

caf::error to_error(const protocol::fault& f);

/// The fault that `to_error` made `e` from. An error of CAF itself becomes `timed_out`,
/// `unavailable` (the actor is gone) or `internal`.
protocol::fault to_fault(const caf::error& e);

}  // namespace actors
