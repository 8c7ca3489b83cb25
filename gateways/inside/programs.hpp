// What the one program inside can be run as, beside the init.
#pragma once

namespace gateways::inside {

/// When it is called `troupe-append`. The exit code.
int append(int argc, char** argv);

}  // namespace gateways::inside
