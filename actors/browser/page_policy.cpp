#include "actors/browser/page_policy.hpp"

#include "actors/browser/reach.hpp"

namespace actors::browsing {

void page_policy::dialog_opened(const std::shared_ptr<page>& p) {
  if (!p->dialog) return;
  auto asks = rules_.dialogs == "ask";
  by_.io().tell("browser_dialog", with("page_id", p->id(), "type", p->dialog->type, "message",
                                       p->dialog->message, "answer", rules_.dialogs));
  if (!asks) by_.run(answer_dialog(p, rules_.has_clients() ? rules_.client_grace_ms : 0));
}

task<void> page_policy::answer_dialog(std::shared_ptr<page> p, double after_ms) {
  if (after_ms > 0) co_await by_.talk().after(after_ms);
  if (p->gone || !p->dialog) co_return;
  session(by_.talk(), p->session_id())
      .post("Page.handleJavaScriptDialog", with("accept", rules_.dialogs == "accept"));
}

void page_policy::page_crashed(const std::shared_ptr<page>& p) {
  auto now = by_.talk().now();
  auto before = crashes_.find(p->id());
  auto reloads = before == crashes_.end() || now - before->second > rules_.crash_again_ms;
  crashes_[p->id()] = now;
  by_.io().tell("browser_page_crashed",
                with("page_id", p->id(), "url", p->url, "reloads", reloads));
  if (reloads) session(by_.talk(), p->session_id()).post("Page.reload");
}

}  // namespace actors::browsing
