#include "actors/browser/page_watch.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace actors::browsing {
namespace {

constexpr std::array steps{"none", "script_ended", "left", "closed"};

}  // namespace

void page_watch::begun(std::uint64_t) {
  asked_.clear();
  if (rules_.after_ms > 0) by_.run(watch());
}

task<void> page_watch::watch() {
  for (;;) {
    co_await by_.talk().after(rules_.every_ms);
    for (auto all = by_.all_pages(); auto& p : all)
      if (concerns(*p) && asked_.insert(p->id()).second) by_.run(look_at(p));
  }
}

/// Of the others it is known why they do not answer; and an action has a deadline of its own.
bool page_watch::concerns(const page& p) const {
  return p.known && !p.gone && !p.crashed && !p.dialog && !p.restoring && p.trails.empty();
}

task<bool> page_watch::answers(std::shared_ptr<page> p, double within_ms) {
  auto params = with("expression", "1");
  auto told = co_await by_.talk().ask(p->session_id(), "Runtime.evaluate", params, within_ms);
  co_return told || told.error->code != 0 || !concerns(*p);
}

task<void> page_watch::look_at(std::shared_ptr<page> p) {
  auto fine = co_await answers(p, rules_.after_ms);
  if (!fine) {
    p->unresponsive = true;
    take(0, *p);
    co_await get_going(p);
    p->unresponsive = false;
    p->changed.notify();
    by_.io().pages_changed();
    if (!p->gone) by_.io().tell("browser_page_responsive", with("page_id", p->id(), "url", p->url));
  }
  asked_.erase(p->id());
}

task<void> page_watch::get_going(std::shared_ptr<page> p) {
  auto before = helped_.find(p->id());
  auto again = before != helped_.end() && by_.talk().now() - before->second.at_ms < rules_.again_ms;
  std::size_t step = again ? before->second.step : 0;
  auto fine = false;
  while (!fine) {
    if (rules_.recovers && !rules_.has_clients()) {
      step = std::min(step + 1, steps.size() - 1);
      take(step, *p);
    }
    fine = co_await answers(p, rules_.step_ms);
  }
  if (step > 0 && !p->gone) helped_[p->id()] = {step, by_.talk().now()};
}

/// The end of its script comes first: a page that was sent elsewhere before does not hear of it.
void page_watch::take(std::size_t step, const page& p) {
  session s(by_.talk(), p.session_id());
  if (step == 1) s.post("Runtime.terminateExecution");
  if (step == 2) s.post("Page.navigate", with("url", "about:blank"));
  if (step == 3) by_.talk().post({}, "Target.closeTarget", with("targetId", p.target_id()));
  by_.io().tell("browser_page_unresponsive",
                with("page_id", p.id(), "url", p.url, "step", steps.at(step)));
  by_.io().pages_changed();
}

}  // namespace actors::browsing
