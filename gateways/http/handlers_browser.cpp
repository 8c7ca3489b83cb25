#include <ctime>
#include <nlohmann/json.hpp>

#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "gateways/http/render.hpp"
#include "protocol/http/browser_request.hpp"
#include "protocol/http/browser_tools.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/request.hpp"
#include "protocol/http/target.hpp"
#include "protocol/json.hpp"
#include "protocol/text.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;

constexpr std::size_t saved_bytes_max = 16 << 20;

/// Where clients of the Chrome DevTools Protocol find it.
std::string cdp_url(const services& s, const request& r, std::string_view sandbox_id) {
  if (sandbox_id == default_sandbox && !s.options.cdp_url.empty()) return s.options.cdp_url;
  return "http://" + r.head.host + "/v1/sandboxes/" + std::string(sandbox_id) + "/cdp";
}

/// `otherwise`, or what the query says.
protocol::result<bool> wait_of(const request& r, bool otherwise) {
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto text = query->find("wait");
  if (!text) return otherwise;
  auto value = web::parse_switch(*text);
  if (!value) return web::invalid_fields({{"?wait", "must be true or false"}});
  return *value;
}

outcome order(const services& s, const request& r, call::browser_order what, bool waits) {
  if (!s.views.sandbox(r.params.at(0))) return sandbox_missing(s, r.params.at(0));
  auto wait = wait_of(r, waits);
  if (!wait) return wait.error();
  plan p;
  p.call = call::order_browser{r.params.at(0), what, *wait};
  p.adapt = [url = cdp_url(s, r, r.params.at(0))](answer& a) {
    auto body = nlohmann::ordered_json::parse(a.body.view(), nullptr, false);
    if (!body.is_object()) return;
    body["cdp_url"] = url;
    a.body = protocol::buffer(body.dump());
  };
  return p;
}

/// The bytes of a picture or a document when the client asks for just that, else JSON.
bool wants_bytes(const request& r, std::string_view type) {
  auto asked = std::string_view(r.head.accept);
  auto family = type.substr(0, type.find('/') + 1);
  return asked.starts_with(type) || asked.starts_with(std::string(family) + "*") ||
         asked.starts_with("application/octet-stream");
}

std::string_view type_of(std::string_view verb, const nlohmann::json& fields) {
  if (verb == "pdf") return "application/pdf";
  auto format = fields.value("format", "png");
  return format == "jpeg" ? "image/jpeg" : format == "webp" ? "image/webp" : "image/png";
}

/// What acts on a page is a step of the turn; what only looks is none.
protocol::result<void> take_step(const services& s, const request& r,
                                 const web::browser_verb& verb) {
  auto ledger = s.views.ledger(r.params.at(0));
  if (!ledger || r.head.verb == method::get || verb.answers_bytes || verb.name == "find") return {};
  auto turn = ledger->take(static_cast<protocol::unix_ms>(std::time(nullptr)) * 1'000);
  if (!turn) return turn.error();
  return {};
}

/// What of a site is kept in files: the member of the answer to `get`, and of what `set` takes.
std::string_view saved_member(std::string_view verb) {
  return verb == "cookies" ? "cookies" : verb == "storage" ? "items" : "";
}

/// Takes out of an answer what belongs into a file: the bytes of a picture, or what a site keeps.
std::string take_content(std::string_view verb, nlohmann::ordered_json& body) {
  auto member = saved_member(verb);
  auto of = std::string(member.empty() ? "data" : member);
  auto value = std::exchange(body[of], nullptr);
  body.erase(of);
  if (member.empty())
    return protocol::from_base64(value.is_string() ? value.get<std::string>() : std::string());
  nlohmann::ordered_json content;
  if (body.contains("area")) content["area"] = body["area"];
  content[of] = std::move(value);
  return content.dump(2) + "\n";
}

file_outcome put_content(files::root in, const std::string& path, const workspace_place& at,
                         write_step& step, std::string_view verb, nlohmann::ordered_json body) {
  auto bytes = take_content(verb, body);
  if (auto full = at.no_room_for(bytes.size())) return *full;
  auto to = files::upload::open(std::move(in), path, {});
  if (!to) return to.error();
  if (auto put = to->write(bytes); !put) return put.error();
  auto done = to->finish();
  if (!done) return done.error();
  step.made(bytes.size());
  body["path"] = path;
  body["size_bytes"] = bytes.size();
  return json_answer(200, body.dump());
}

/// The content goes into a file, and the answer says where it is.
outcome keep_in_file(const services& s, const request& r, std::string_view verb,
                     const std::string& given, plan p) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto path = protocol::files::parse_path(given, "/path");
  if (!path) return path.error();
  auto step = step_for(s, *at, *path);
  if (!step) return step.error();
  p.adapt = nullptr;
  p.keep = [at = *at, path = *path, step = *step, verb](answer& a) {
    auto body = nlohmann::ordered_json::parse(a.body.view(), nullptr, false);
    file_plan out;
    out.order = at.sandbox_id;
    out.run = [at, path, step, verb, body = std::move(body)](const std::atomic<bool>& unwanted,
                                                             const std::atomic<bool>& stopping) {
      auto in = files::root::open(at.folder, at.mode, &unwanted, &stopping);
      if (!in) return file_outcome(in.error());
      return put_content(std::move(*in), path, at, *step, verb, body);
    };
    return out;
  };
  return p;
}

call::browse browse_call(const std::string& sandbox_id, std::string page, std::string_view verb,
                         const nlohmann::json& fields, bool raw = false) {
  protocol::browse what{
      .page = std::move(page),
      .verb = std::string(verb),
      .params = protocol::buffer(fields.dump()),
      .timeout_ms = static_cast<std::int64_t>(web::browser_timeout_ms(verb, fields))};
  return {sandbox_id, std::move(what), raw};
}

/// What `save` has put into a file, as the fields of `set`.
protocol::result<nlohmann::json> fields_of_file(std::string_view verb, std::string_view text,
                                                nlohmann::json fields) {
  auto saved = protocol::parse_json(text);
  auto member = std::string(saved_member(verb));
  if (!saved || !saved->is_object() || !saved->contains(member))
    return web::invalid_fields({{"/file", "is no file that `save` wrote"}});
  fields.erase("file");
  fields["action"] = "set";
  fields[member] = (*saved)[member];
  if (saved->contains("area") && !fields.contains("area")) fields["area"] = (*saved)["area"];
  return web::read_browser_action(verb, fields);
}

/// First the file is read, then the browser is asked.
outcome load_from_file(const services& s, const request& r, std::string_view verb,
                       const nlohmann::json& fields, std::string page) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto path = protocol::files::parse_path(fields.value("file", ""), "/file");
  if (!path) return path.error();
  return at->plan_of([verb, fields, path = *path, page = std::move(page),
                      id = r.params.at(0)](const files::root& in) -> file_outcome {
    auto file = files::open_for_reading(in, path);
    if (!file) return file.error();
    auto text = files::read_whole(file->fd.get(), saved_bytes_max, path);
    if (!text) return text.error();
    if (text->size() > saved_bytes_max)
      return web::invalid_fields({{"/file", "is larger than what `save` writes"}});
    auto set = fields_of_file(verb, *text, fields);
    if (!set) return set.error();
    plan p;
    p.call = browse_call(id, page, verb, *set);
    return p;
  });
}

outcome perform(const services& s, const request& r, std::string_view verb,
                protocol::result<nlohmann::json> fields, std::string page) {
  const auto& id = r.params.at(0);
  if (!s.views.sandbox(id)) return sandbox_missing(s, id);
  if (!fields) return fields.error();
  plan p;
  auto* row = web::find_browser_verb(verb);
  if (auto refused = take_step(s, r, *row); !refused) return refused.error();
  auto action = fields->value("action", "");
  if (action == "load") return load_from_file(s, r, row->name, *fields, std::move(page));
  if (action == "save") (*fields)["action"] = "get";
  auto type = row->answers_bytes ? type_of(verb, *fields) : std::string_view();
  auto path = row->answers_bytes ? fields->value("path", "")
              : action == "save" ? fields->value("file", "")
                                 : std::string();
  auto raw = row->answers_bytes && path.empty() && wants_bytes(r, type);
  if (raw) p.adapt = [type](answer& a) { a.type = type; };
  p.call = browse_call(id, std::move(page), verb, *fields, raw);
  if (!path.empty()) return keep_in_file(s, r, row->name, path, std::move(p));
  return p;
}

std::string_view verb_of(const request& r) {
  return r.to->pattern.substr(r.to->pattern.find_last_of('/') + 1);
}

protocol::result<nlohmann::json> fields_of(const request& r, std::string_view verb) {
  if (r.body.empty()) return web::read_browser_action(verb, nlohmann::json::object());
  auto body = web::read_body(r.body, web::find_browser_verb(verb)->body);
  if (!body) return body.error();
  return web::read_browser_action(verb, *body);
}

}  // namespace

outcome get_browser(const services& s, const request& r) {
  const auto& id = r.params.at(0);
  if (!s.views.sandbox(id)) return sandbox_missing(s, id);
  protocol::browser_view none{.sandbox_id = id};
  auto seen = s.views.browser(id);
  return json_answer(200, to_json(seen ? *seen : none, cdp_url(s, r, id)));
}

outcome start_browser(const services& s, const request& r) {
  return order(s, r, call::browser_order::start, true);
}

outcome restart_browser(const services& s, const request& r) {
  return order(s, r, call::browser_order::restart, false);
}

outcome stop_browser(const services& s, const request& r) {
  return order(s, r, call::browser_order::stop, true);
}

outcome list_pages(const services& s, const request& r) {
  const auto& id = r.params.at(0);
  if (!s.views.sandbox(id)) return sandbox_missing(s, id);
  auto seen = s.views.browser(id);
  return json_answer(200, "{\"pages\":" + (seen ? seen->pages : "[]") + "}");
}

outcome new_page(const services& s, const request& r) {
  auto out = perform(s, r, "new", fields_of(r, "new"), {});
  if (auto* p = std::get_if<plan>(&out))
    p->adapt = [at = located("/v1/sandboxes/" + r.params.at(0) + "/browser/pages/")](answer& a) {
      a.status = 201;
      at(a);
    };
  return out;
}

outcome close_page(const services& s, const request& r) {
  return perform(s, r, "close", web::read_browser_action("close", nlohmann::json::object()),
                 r.params.at(1));
}

outcome act_on_page(const services& s, const request& r) {
  return perform(s, r, verb_of(r), fields_of(r, verb_of(r)), r.params.at(1));
}

outcome read_from_page(const services& s, const request& r) {
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  if (!saved_member(verb_of(r)).empty() && query->find("action").value_or("get") != "get")
    return web::invalid_fields({{"?action", "must be get here; the others take a POST"}});
  return perform(s, r, verb_of(r), web::read_browser_query(verb_of(r), query->all()),
                 r.params.at(1));
}

outcome use_browser_tool(const services& s, const request& r) {
  auto* tool = web::find_browser_tool(verb_of(r));
  protocol::result<nlohmann::json> given{boost::system::in_place_value, nlohmann::json::object()};
  if (!r.body.empty()) given = web::read_body(r.body, tool->body);
  if (!given) return given.error();
  if (auto wrong = web::validate(*given, tool->body); !wrong.empty())
    return web::invalid_fields(wrong);
  return perform(s, r, tool->verb, web::read_browser_action(tool->verb, tool->fields(*given)),
                 web::page_of_tool(*given));
}

}  // namespace gateways::http
