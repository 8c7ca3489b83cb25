#include "actors/browser/page_policy.hpp"

#include <algorithm>

#include "actors/browser/reach.hpp"

namespace actors::browsing {

void page_policy::begun(std::uint64_t) {
  if (rules_.permissions.empty()) return;
  // One that is unknown must not take the others along.
  for (auto& each : rules_.permissions)
    by_.talk().post({}, "Browser.setPermission",
                    with("permission", with("name", each), "setting", "granted"));
}

// -- too many ------------------------------------------------------------------------------------

/// Of those on which nobody acts, the one that was used last so long ago; else the new one.
void page_policy::page_appeared(const std::shared_ptr<page>& p) {
  auto& all = by_.all_pages();
  if (all.size() <= by_.rules().pages_max) return;
  const page* goes = p.get();
  if (by_.rules().discards_pages)
    for (auto& each : all)
      if (each->trails.empty() && !each->restoring && each->activity < goes->activity)
        goes = each.get();
  discard(*goes);
}

void page_policy::discard(const page& p) {
  by_.io().tell("browser_page_discarded",
                with("page_id", p.id(), "url", p.url, "pages_max", by_.rules().pages_max));
  by_.talk().post({}, "Target.closeTarget", with("targetId", p.target_id()));
}

// -- what it says --------------------------------------------------------------------------------

void page_policy::page_said(const std::shared_ptr<page>& p, const session& s,
                            std::string_view method, const json& params) {
  if (method == "Fetch.authRequired") log_in(*p, s, params);
  if (method == "Page.fileChooserOpened" && !p->choosers.empty())
    by_.io().tell("browser_file_chooser", with("page_id", p->id(), "ref", p->choosers.back().ref,
                                               "multiple", p->choosers.back().multiple));
  if (method == "Network.loadingFailed" && text_at(params, "type") == "Document")
    not_loaded(*p, params);
}

/// Once a request: who is refused after that is refused.
void page_policy::log_in(page& p, const session& s, const json& params) {
  auto id = text_at(params, "requestId");
  auto origin = text_at(params, "authChallenge", "origin");
  auto has = p.credentials && (p.credentials->origin.empty() || p.credentials->origin == origin);
  auto answer = with("response", "Default");
  if (has && p.login_tried != id)
    answer = with("response", "ProvideCredentials", "username", p.credentials->username, "password",
                  p.credentials->password);
  p.login_tried = id;
  s.post("Fetch.continueWithAuth", with("requestId", id, "authChallengeResponse", answer));
}

void page_policy::not_loaded(const page& p, const json& params) {
  auto error = text_at(params, "errorText");
  auto url = p.requested(text_at(params, "requestId"));
  auto members = with("page_id", p.id(), "url", url, "error", error);
  if (error.starts_with("net::ERR_CERT_"))
    by_.io().tell("browser_certificate_error", std::move(members));
  else if (error.find("_AUTH_") != std::string::npos)
    by_.io().tell("browser_auth_required", std::move(members));
}

// -- dialogs and crashes -------------------------------------------------------------------------

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
