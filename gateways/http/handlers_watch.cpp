// The route that follows what changes in a folder of a workspace.
#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "protocol/http/problem.hpp"

namespace gateways::http {

namespace web = protocol::http;

outcome watch_path(const services& s, const request& r) {
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  auto in = path_asked_of(s, r);
  if (!in) return in.error();
  auto recursive = web::parse_switch(in->query.find("recursive").value_or("true"));
  if (!recursive) return web::invalid_fields({{"?recursive", "must be true or false"}});
  files::watch_request what{in->at.folder, in->at.mode, std::move(in->path), *recursive};
  // A browser that reconnects repeats the query of the first time: what it saw last counts.
  auto seen = last_event_id(r);
  if (auto text = seen ? seen : in->query.find("from")) {
    auto since = protocol::files::parse_change_cursor(*text, seen ? "Last-Event-ID" : "?from");
    if (!since) return since.error();
    what.since = std::move(*since);
  }
  plan p;
  p.form = *form;
  p.endless = true;
  p.follow = [&watches = s.watches, what = std::move(what)](std::shared_ptr<reply_sink> to) {
    return watches.follow(what, std::move(to));
  };
  return p;
}

}  // namespace gateways::http
