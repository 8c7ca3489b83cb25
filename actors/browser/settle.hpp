// What surrounds every action: what was there before, the wait until the page is at rest again, and
// the answer's common members.
#pragma once

#include "actors/browser/driver.hpp"

namespace actors::browsing {

/// Notes what the page is like, in `turn::seen`.
task<void> begin_trail(turn& t);
/// Asks for the page's next turn right after what was just said to it, so that `settle` need not.
void look_ahead(turn& t);

/// Waits until what the action started is over: a navigation is loaded, and nothing has been in
/// flight for a while. What has started nothing by the page's next turn starts nothing; where the
/// page cannot tell, by `settle_look_ms`. Of a download, which only the browser tells, one hears
/// later: where a link promises one, that is waited for.
task<void> settle(turn& t);

/// Brings the page's title up to date, of which Chromium does not always tell.
task<void> read_title(turn& t);

/// Of what navigates for sure: until it has begun, at most a second.
task<void> wait_for_start(turn& t);

/// `acts`: with what changed.
void fill_answer(turn& t, bool acts);

}  // namespace actors::browsing
