// Routes on a workspace's folders and texts that take and give JSON.
#include <algorithm>
#include <ctime>

#include "gateways/files/contents.hpp"
#include "gateways/files/search.hpp"
#include "gateways/files/tree.hpp"
#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "gateways/http/site.hpp"
#include "protocol/files/request.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"
#include "protocol/object_writer.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;
namespace paths = protocol::files;
using nlohmann::json;
using protocol::object_writer;
using protocol::result;

/// A result as an answer: `render` makes the body of 200.
template <class T, class Render>
file_outcome answer_of(const result<T>& done, Render render) {
  if (!done) return done.error();
  return json_answer(200, render(*done));
}

std::string entry_json(const paths::entry& e) {
  return to_json(e);
}

/// Why a search ended, when its answer may have had no room for all it found.
void add_end(object_writer& out, const paths::page& found, std::string_view stopped_by,
             bool complete) {
  out.text_or_null("stopped_by", found.full() ? "bytes" : stopped_by);
  out.flag("complete", complete && !found.full());
}

/// The workspace and the body of a request that has both.
struct asked {
  workspace_place at;
  json body;
};
result<asked> read_request(const services& s, const request& r, const web::schema& shape) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto body = web::read_body(r.body, shape);
  if (!body) return body.error();
  return asked{std::move(*at), std::move(*body)};
}

result<std::uint64_t> count_in(const web::query& query, std::string_view name,
                               std::uint64_t otherwise, std::uint64_t max) {
  auto text = query.find(name);
  if (!text) return otherwise;
  auto value = web::parse_count(*text);
  if (value && *value >= 1 && *value <= max) return *value;
  return web::invalid_fields({{"?" + std::string(name), "must be 1 to " + std::to_string(max)}});
}

/// A move is one where it is taken from as well.
std::string_view place_of_step(const files::transfer& what, bool moves) {
  auto to_upload = paths::zone_of(what.to) == paths::zone::upload;
  return moves && to_upload ? what.from : what.to;
}

outcome transfer_of(const services& s, const request& r, bool moves) {
  auto in = read_request(s, r, s.rules.files.transfer);
  if (!in) return in.error();
  auto from = paths::read_path(in->body, "from"), to = paths::read_path(in->body, "to");
  if (!from) return from.error();
  if (!to) return to.error();
  files::transfer what{std::move(*from), std::move(*to), paths::read_flag(in->body, "replace")};
  if (auto refused = in->at.no_room_for(0); refused && !moves) return *refused;
  if (in->at.room_bytes) what.at_most.bytes = *in->at.room_bytes;
  auto step = step_for(s, in->at, place_of_step(what, moves));
  if (!step) return step.error();
  return in->at.slowly([what = std::move(what), moves, step = *step](const files::root& root) {
    auto done = moves ? files::move(root, what) : files::copy(root, what);
    if (done) step->made(moves ? 0 : done->size_bytes);
    return answer_of(done, entry_json);
  });
}

outcome sign_site(const services& s, const request& r, const workspace_place& at,
                  std::uint64_t expires_s) {
  object_writer out;
  out.text("url", site_link(at.sandbox_id, r.head.host,
                            s.signer.site_key(at.sandbox_id, at.created_at, expires_s)));
  out.time_or_null("expires_at", static_cast<protocol::unix_ms>(expires_s) * 1'000);
  return json_answer(200, out.close());
}

}  // namespace

result<workspace_place> workspace_of(const services& s, const request& r) {
  const auto& id = r.params.at(0);
  auto sandbox = s.views.sandbox(id);
  if (!sandbox) return sandbox_missing(s, id);
  if (sandbox->state == protocol::sandbox_state::closing)
    return fault{error_code::wrong_state, "the sandbox is closing", {}, 0};
  // Until it is opened, what the daemon makes there would not be given to the sandbox's user.
  if (sandbox->state == protocol::sandbox_state::starting && !sandbox->opened)
    return fault{error_code::unavailable, "the sandbox is starting", {}, 1};
  return workspace_place{id, sandbox->workspace, sandbox->spec.mode, sandbox->spec.created_at,
                         s.views.room_bytes(sandbox->spec)};
}

result<step_of_write> step_for(const services& s, const workspace_place& at,
                               std::string_view path) {
  auto ledger = s.views.ledger(at.sandbox_id);
  if (!ledger || paths::zone_of(path) == paths::zone::upload)
    return std::make_shared<write_step>(std::move(ledger), std::nullopt);
  auto turn = ledger->take(static_cast<protocol::unix_ms>(std::time(nullptr)) * 1'000);
  if (!turn) return turn.error();
  return std::make_shared<write_step>(std::move(ledger), *turn);
}

result<path_asked> path_asked_of(const services& s, const request& r) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto path = paths::parse_path(query->find("path").value_or(""), "?path");
  if (!path) return path.error();
  return path_asked{std::move(*at), std::move(*query), std::move(*path)};
}

outcome stat_path(const services& s, const request& r) {
  auto asked = path_asked_of(s, r);
  if (!asked) return asked.error();
  return asked->at.plan_of([path = std::move(asked->path)](const files::root& in) {
    return answer_of(in.look(path), entry_json);
  });
}

outcome list_path(const services& s, const request& r) {
  auto asked = path_asked_of(s, r);
  if (!asked) return asked.error();
  const auto& query = asked->query;
  auto depth = count_in(query, "depth", 1, 64), limit = count_in(query, "limit", 1'000, 10'000);
  if (!depth) return depth.error();
  if (!limit) return limit.error();
  auto after = paths::parse_cursor(query.find("cursor").value_or(""));
  if (!after) return after.error();
  files::list_request what{std::move(asked->path), static_cast<int>(*depth), *limit,
                           std::move(*after)};
  return asked->at.search([what = std::move(what)](const files::root& in) {
    return answer_of(files::list(in, what), [](const auto& l) { return to_json(l); });
  });
}

outcome make_folder(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.folder);
  if (!in) return in.error();
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  if (auto refused = in->at.no_room_for(0)) return *refused;
  auto step = step_for(s, in->at, *path);
  if (!step) return step.error();
  return in->at.in_order(
      [path = std::move(*path), step = *step](const files::root& root) -> file_outcome {
        auto done = files::make(root, path);
        if (!done) return done.error();
        step->made(0);
        return json_answer(done->created ? 201 : 200, to_json(done->file));
      });
}

outcome move_path(const services& s, const request& r) {
  return transfer_of(s, r, true);
}

outcome copy_path(const services& s, const request& r) {
  return transfer_of(s, r, false);
}

outcome remove_path(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.removal);
  if (!in) return in.error();
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  // A condition is one on a single file.
  const auto& c = r.head.only_if;
  bool all = paths::read_flag(in->body, "recursive") && !c.binds_writes();
  auto step = step_for(s, in->at, *path);
  if (!step) return step.error();
  auto work = [path = std::move(*path), all, only_if = c, step = *step](const files::root& root) {
    result<std::uint64_t> removed = std::uint64_t{1};
    if (all)
      removed = files::remove_all(root, path);
    else if (auto done = files::remove_one(root, path, only_if); !done)
      removed = done.error();
    if (removed) step->made(0);
    return answer_of(removed, [&](std::uint64_t n) {
      object_writer out;
      out.text("path", path);
      out.number("removed", n);
      return out.close();
    });
  };
  return all ? in->at.slowly(std::move(work)) : in->at.in_order(std::move(work));
}

outcome append_text(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.append);
  if (!in) return in.error();
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  auto text = paths::read_text(in->body, "text");
  if (auto refused = in->at.no_room_for(text.size())) return *refused;
  auto step = step_for(s, in->at, *path);
  if (!step) return step.error();
  auto work = [path = std::move(*path), text = std::move(text),
               step = *step](const files::root& root) -> file_outcome {
    auto done = files::append(root, path, text);
    if (!done) return done.error();
    step->made(text.size());
    return json_answer(done->created ? 201 : 200, paths::written_json(done->file));
  };
  return in->at.in_order(std::move(work));
}

outcome edit_text(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.edit);
  if (!in) return in.error();
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  files::edit_request what{std::move(*path),
                           paths::read_text(in->body, "old"),
                           paths::read_text(in->body, "new"),
                           paths::read_flag(in->body, "all"),
                           paths::read_flag(in->body, "dry_run"),
                           r.head.only_if,
                           in->at.room_bytes};
  step_of_write step;  // none: nothing is written
  if (!what.dry_run) {
    auto taken = step_for(s, in->at, what.path);
    if (!taken) return taken.error();
    step = std::move(*taken);
  }
  return in->at.in_order([what = std::move(what), step](const files::root& root) {
    auto edited = files::edit(root, what);
    auto longer = what.with.size() > what.old.size() ? what.with.size() - what.old.size() : 0;
    if (edited && step) step->made(longer * edited->replacements);
    return answer_of(edited, [&](const files::edited& done) {
      object_writer out(512 + done.diff.text.size());
      out.text("path", what.path);
      out.number("replacements", done.replacements);
      out.flag("dry_run", what.dry_run);
      out.text("diff", done.diff.text);
      out.flag("diff_complete", done.diff.complete);
      out.number("size_bytes", done.file.size_bytes);
      out.text_or_null("etag", done.file.etag);
      out.time_or_null("modified_at", done.file.modified_at);
      return out.close();
    });
  });
}

outcome glob_paths(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.glob);
  if (!in) return in.error();
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  auto pattern = paths::read_glob(in->body, "pattern");
  if (!pattern) return pattern.error();
  files::glob_request what{std::move(*path), std::move(**pattern),
                           paths::read_count(in->body, "limit", 1'000)};
  return in->at.search([what = std::move(what)](const files::root& root) {
    return answer_of(files::find(root, what), [](const files::found_paths& found) {
      paths::page items;
      for (const auto& e : found.entries)
        if (!items.add(to_json(e))) break;
      object_writer out;
      out.raw("entries", items.close());
      add_end(out, items, found.stopped_by, found.complete);
      return out.close();
    });
  });
}

outcome grep_lines(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.grep);
  if (!in) return in.error();
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  auto only = paths::read_glob(in->body, "glob");
  if (!only) return only.error();
  files::grep_request what{std::move(*path),
                           paths::read_text(in->body, "pattern"),
                           paths::read_flag(in->body, "literal"),
                           paths::read_flag(in->body, "ignore_case"),
                           std::move(*only),
                           paths::read_count(in->body, "limit", 200)};
  return in->at.search([what = std::move(what)](const files::root& root) {
    return answer_of(files::grep(root, what), [](const files::found_lines& found) {
      paths::page items;
      for (const auto& line : found.lines) {
        object_writer item(128 + line.text.size());
        item.text("path", line.path);
        item.number("line", line.line);
        item.number("column", line.column);
        item.text("text", line.text);
        if (!items.add(item.close())) break;
      }
      object_writer out;
      out.raw("matches", items.close());
      out.number("files_searched", found.files);
      add_end(out, items, found.stopped_by, found.complete);
      return out.close();
    });
  });
}

outcome sign_url(const services& s, const request& r) {
  auto in = read_request(s, r, s.rules.files.sign);
  if (!in) return in.error();
  if (auto refused = paths::sign_refusal(in->body)) return *refused;
  auto expires_s = static_cast<std::uint64_t>(std::time(nullptr)) +
                   paths::read_count(in->body, "expires_s", 3'600);
  if (paths::read_flag(in->body, "deploy")) return sign_site(s, r, in->at, expires_s);
  auto path = paths::read_path(in->body);
  if (!path) return path.error();
  auto method = paths::read_text(in->body, "method");
  if (method.empty()) method = "GET";
  auto refused = method == "PUT" ? paths::refusal(paths::change::write, *path, in->at.mode)
                                 : std::optional<fault>();
  if (refused) return *refused;
  auto signature =
      s.signer.signature({method, in->at.sandbox_id, in->at.created_at, *path, expires_s});
  object_writer out;
  out.text("url", "http://" + r.head.host + "/v1/sandboxes/" + in->at.sandbox_id + "/files/" +
                      percent_encoded(*path) + "?expires=" + std::to_string(expires_s) +
                      "&signature=" + signature);
  out.text("method", method);
  out.text("path", *path);
  out.time_or_null("expires_at", static_cast<protocol::unix_ms>(expires_s) * 1'000);
  return json_answer(200, out.close());
}

}  // namespace gateways::http
