// What is done about pages without being asked: dialogs are answered, crashed pages loaded again,
// pages beyond the bound closed, permissions given, refused connections told.
//
// A follower of the driver, owned with it by the browser's actor. Tells events of the node:
// `browser_dialog {page_id, type, message, answer}`, `browser_page_crashed {page_id, url,
// reloads}`, `browser_page_discarded {page_id, url, pages_max}`, `browser_file_chooser {page_id,
// ref, multiple}`, `browser_certificate_error` and `browser_auth_required {page_id, url, error}`.
// Invariants: no dialog holds a page for ever, but where they are to be asked about; a page that
// crashes again soon after it was loaded again stays as it is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/browser/driver.hpp"

namespace actors::browsing {

struct page_policy_rules {
  std::string dialogs = "dismiss";  ///< accept, dismiss, ask
  std::vector<std::string> permissions;
  double client_grace_ms = 2'000;     ///< a client that is connected may answer a dialog itself
  double crash_again_ms = 10'000;     ///< a crash within so long after another is not answered
  std::function<bool()> has_clients;  ///< by CDP
};

class page_policy : public follower {
 public:
  page_policy(page_policy_rules rules, driver& by) : rules_(std::move(rules)), by_(by) {
    by_.follow(*this);
  }

  void begun(std::uint64_t generation) override;
  void page_appeared(const std::shared_ptr<page>& p) override;
  void page_said(const std::shared_ptr<page>& p, const session& s, std::string_view method,
                 const json& params) override;
  void dialog_opened(const std::shared_ptr<page>& p) override;
  void page_crashed(const std::shared_ptr<page>& p) override;
  void page_gone(const std::shared_ptr<page>& p) override { crashes_.erase(p->id()); }

 private:
  void discard(const page& p);
  void log_in(page& p, const session& s, const json& params);
  void not_loaded(const page& p, const json& params);
  task<void> answer_dialog(std::shared_ptr<page> p, double after_ms);

  const page_policy_rules rules_;
  driver& by_;
  std::map<std::string, double> crashes_;  ///< when a page last crashed
};

}  // namespace actors::browsing
