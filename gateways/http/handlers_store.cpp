// Records of the store with a meaning of their own: citations and things to do.
#include "gateways/files/contents.hpp"
#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "protocol/files/request.hpp"
#include "protocol/files/store.hpp"
#include "protocol/http/problem.hpp"

namespace gateways::http {
namespace {

namespace paths = protocol::files;

constexpr std::size_t read_bytes_max = 8 << 20;

using renderer = std::string (*)(const paths::store_rules&, std::string_view text, bool whole);

std::string path_of(std::string_view name) {
  return paths::joined(paths::name_of(paths::zone::store), name);
}

outcome read_records(const services& s, const request& r, std::string_view name, renderer render) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto work = [&rules = s.rules.files.store, path = path_of(name),
               render](const files::root& in) -> file_outcome {
    auto file = files::open_for_reading(in, path);
    if (!file && file.error().code != error_code::file_not_found) return file.error();
    std::string text;
    if (file) {
      auto read = files::read_whole(file->fd.get(), read_bytes_max, path);
      if (!read) return read.error();
      text = std::move(*read);
    }
    bool whole = text.size() <= read_bytes_max;
    return json_answer(200, render(rules, text, whole));
  };
  return at->search(std::move(work));
}

outcome add_record(const services& s, const request& r, std::string_view name) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto line = paths::store_line(s.rules.files.store, name, r.body);
  if (!line) return line.error();
  if (auto refused = at->no_room_for(line->size())) return *refused;
  auto path = path_of(name);
  auto step = step_for(s, *at, path);
  if (!step) return step.error();
  auto work = [path = std::move(path), line = std::move(*line),
               step = *step](const files::root& root) -> file_outcome {
    auto done = files::append(root, path, line);
    if (!done) return done.error();
    step->made(line.size());
    return json_answer(201, line);
  };
  return at->in_order(std::move(work));
}

}  // namespace

outcome list_citations(const services& s, const request& r) {
  return read_records(s, r, paths::citation_file, paths::citations_json);
}

outcome add_citation(const services& s, const request& r) {
  return add_record(s, r, paths::citation_file);
}

outcome list_todo(const services& s, const request& r) {
  return read_records(s, r, paths::todo_file, paths::todos_json);
}

outcome add_todo(const services& s, const request& r) {
  return add_record(s, r, paths::todo_file);
}

}  // namespace gateways::http
