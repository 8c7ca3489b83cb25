// Finds pages that do not answer, and gets them going again.
//
// A follower of the driver, owned with it by the browser's actor. Each page is asked every
// `every_ms`; one that leaves that unanswered for `after_ms` is `unresponsive`. Then its script is
// ended; when that does not help, it is sent to an empty page, which has a process of its own; when
// nothing helps, it is closed. One that hangs again soon goes on where that ended. A page that an
// action runs on is left alone until its deadline; while clients are connected by CDP, who may have
// stopped a page in a debugger, it is only told. Events:
// `browser_page_unresponsive {page_id, url, step}` for each step (`none`, `script_ended`, `left`,
// `closed`) and `browser_page_responsive {page_id, url}`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "actors/browser/driver.hpp"

namespace actors::browsing {

struct page_watch_rules {
  double every_ms = 2'000;
  double after_ms = 10'000;  ///< 0: pages are not watched
  double step_ms = 2'000;    ///< what a step takes to help
  double again_ms = 60'000;  ///< one that hangs within so long was not helped
  bool recovers = true;      ///< else it is only told
  std::function<bool()> has_clients;
};

class page_watch : public follower {
 public:
  page_watch(page_watch_rules rules, driver& by) : rules_(std::move(rules)), by_(by) {
    by_.follow(*this);
  }

  void begun(std::uint64_t generation) override;
  void page_gone(const std::shared_ptr<page>& p) override { helped_.erase(p->id()); }

 private:
  /// The last step that a page was helped by.
  struct help {
    std::size_t step = 0;
    double at_ms = 0;
  };

  task<void> watch();
  task<void> look_at(std::shared_ptr<page> p);
  task<void> get_going(std::shared_ptr<page> p);
  task<bool> answers(std::shared_ptr<page> p, double within_ms);
  bool concerns(const page& p) const;
  void take(std::size_t step, const page& p);

  const page_watch_rules rules_;
  driver& by_;
  std::set<std::string> asked_;         ///< ids of pages that are being asked
  std::map<std::string, help> helped_;  ///< by page id
};

}  // namespace actors::browsing
