// Elements of a page: from what a client named to what the browser can act on.
#pragma once

#include <string>

#include "actors/browser/driver.hpp"

namespace actors::browsing {

/// Valid as long as its document is.
struct element {
  std::string session_id;
  std::string frame_id;
  std::string object_id;  ///< in our world of the frame

  session in(turn& t) const { return {t.talk(), session_id}; }
};

/// A point of the page's view, in CSS pixels.
struct point {
  double x = 0, y = 0;
  bool downloads = false;  ///< it is of a link to what is not shown but kept
};

/// The context of our script in a frame, which is made there when it is not; 0: there is none.
task<std::int64_t> world_of(turn& t, std::string frame_id);

/// The value of an expression in our world of a frame; null when it has none.
task<json> evaluate_in(turn& t, std::string frame_id, std::string expression);

/// Calls `function` on the element: its value, by `await` that of its promise.
task<json> call_on(turn& t, const element& e, std::string function, json arguments = json::array());

/// The element that `target` names, waited for until the deadline; else `element_not_found`, or
/// `stale_ref` with a new snapshot.
task<element> find_element(turn& t, json target);

/// Where the element can be pointed at, as soon as it can; else `not_actionable` at the deadline.
/// `enabled`: it must not be disabled.
task<point> find_point(turn& t, json target, bool enabled = true);

/// As `find_point`, for what needs no pointer.
task<element> find_ready(turn& t, json target);

/// Of a frame's view in the page's view.
task<point> frame_offset(turn& t, std::string frame_id);

/// The end of the wait for an element, before the action's own.
double last_try(const turn& t);

}  // namespace actors::browsing
