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

// input.cpp
task<json> click(turn& t);
task<json> hover(turn& t);
task<json> drag(turn& t);
task<json> type(turn& t);
task<json> fill(turn& t);
task<json> press(turn& t);
task<json> select(turn& t);
task<json> check(turn& t);
task<json> scroll(turn& t);
task<json> upload(turn& t);

// waiting.cpp
task<json> wait(turn& t);
task<json> evaluate(turn& t);
task<json> dialog(turn& t);

// reading.cpp and snapshot.cpp
task<json> snapshot(turn& t);
task<json> state(turn& t);
task<json> text(turn& t);
task<json> markdown(turn& t);
task<json> html(turn& t);
task<json> console(turn& t);
task<json> network(turn& t);
task<json> find(turn& t);

// traffic.cpp
task<json> har(turn& t);
task<json> block(turn& t);
task<json> authenticate(turn& t);
task<json> downloads(turn& t);

// storage.cpp, pictures.cpp, emulating.cpp
task<json> cookies(turn& t);
task<json> storage(turn& t);
task<json> screenshot(turn& t);
task<json> pdf(turn& t);
task<json> emulate(turn& t);

/// A page's address that leads out of what a sandbox may see is refused.
void check_url(const std::string& url);

/// Of what the browser answered: the fault that says so.
[[noreturn]] void refuse_reply(const reply& r, std::string_view what);

}  // namespace actors::browsing
