// The actions, one function each: `verbs.cpp` has the table.
//
// Each runs as a task of the driver, and gives what its answer has beyond the common members. It
// ends in time because all that it waits for does, and by `refuse` when it cannot be done.
#pragma once

#include "actors/browser/driver.hpp"

namespace actors::browsing {

// navigating.cpp
task<json> new_page(turn& t);
task<json> close_page(turn& t);
task<json> activate_page(turn& t);
task<json> navigate(turn& t);
task<json> back(turn& t);
task<json> forward(turn& t);
task<json> reload(turn& t);

/// A page's address that leads out of what a sandbox may see is refused.
void check_url(const std::string& url);

/// Of what the browser answered: the fault that says so.
[[noreturn]] void refuse_reply(const reply& r, std::string_view what);

}  // namespace actors::browsing
