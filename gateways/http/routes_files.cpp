// The part of the table of routes that is about files.
#include "gateways/http/handlers.hpp"
#include "gateways/http/routes.hpp"

namespace gateways::http {
namespace {

using protocol::http::request_rules;
using enum protocol::error_code;
using codes = std::vector<protocol::error_code>;

constexpr query_doc path_query{"path", "string", "In the workspace, relative to it"};

const codes read_errors{sandbox_not_found, file_not_found, path_escapes,
                        wrong_state,       invalid_field,  unavailable};

codes write_errors(codes more) {
  more.insert(more.end(), read_errors.begin(), read_errors.end());
  more.insert(more.end(), {zone_read_only, zone_append_only, disk_full, disk_quota});
  return more;
}

void add_bytes(std::vector<route>& to) {
  using enum method;
  constexpr std::string_view one = "/v1/sandboxes/{sandbox_id}/files/{path}";
  to.push_back({.verb = get,
                .pattern = one,
                .id = "getFile",
                .tag = "files",
                .summary = "A file's bytes, or a folder's listing",
                .handle = get_file,
                .answers = "Listing",
                .errors = {sandbox_not_found, file_not_found, path_escapes, wrong_state,
                           invalid_field, precondition_failed, range_not_satisfiable, unavailable},
                .tail = true,
                .gives_bytes = true});
  to.push_back({.verb = put,
                .pattern = one,
                .id = "putFile",
                .tag = "files",
                .summary = "Make or replace a file as a whole",
                .handle = put_file,
                .answers = "Written",
                .errors = write_errors({precondition_failed}),
                .created = true,
                .tail = true,
                .takes_bytes = true});
  to.push_back({.verb = del,
                .pattern = one,
                .id = "deleteFile",
                .tag = "files",
                .summary = "Remove a file, or an empty folder",
                .handle = delete_file,
                .status = 204,
                .errors = write_errors({precondition_failed}),
                .tail = true});
}

void add_archives(std::vector<route>& to) {
  using enum method;
  constexpr std::string_view one = "/v1/sandboxes/{sandbox_id}/fs/archive";
  to.push_back({.verb = get,
                .pattern = one,
                .id = "getArchive",
                .tag = "files",
                .summary = "A folder as a tar archive",
                .handle = get_archive,
                .queries = {path_query},
                .errors = read_errors,
                .gives_archive = true});
  to.push_back({.verb = put,
                .pattern = one,
                .id = "putArchive",
                .tag = "files",
                .summary = "Unpack a tar archive into a folder",
                .handle = put_archive,
                .answers = "Unpacked",
                .queries = {path_query},
                .errors = write_errors({malformed_request, already_exists, timed_out}),
                .takes_bytes = true});
}

void add_watch(std::vector<route>& to) {
  auto errors = read_errors;
  errors.push_back(not_acceptable);
  to.push_back({.verb = method::get,
                .pattern = "/v1/sandboxes/{sandbox_id}/fs/watch",
                .id = "watchPath",
                .tag = "files",
                .summary = "What changes in a folder, as it happens, without end",
                .handle = watch_path,
                .answers = "Change",
                .forms = {media::sse, media::ndjson},
                .queries = {path_query,
                            {"recursive", "boolean", "Also in the folders below; true if not said"},
                            {"from", "string", "The `cursor` of the last event seen"}},
                .errors = std::move(errors)});
}

void add_reads(std::vector<route>& to, const request_rules& rules) {
  using enum method;
  to.push_back({.verb = get,
                .pattern = "/v1/sandboxes/{sandbox_id}/fs/stat",
                .id = "statPath",
                .tag = "files",
                .summary = "What stands at a path; a link is not followed",
                .handle = stat_path,
                .answers = "Entry",
                .queries = {path_query},
                .errors = read_errors});
  to.push_back({.verb = get,
                .pattern = "/v1/sandboxes/{sandbox_id}/fs/list",
                .id = "listPath",
                .tag = "files",
                .summary = "What lies in a folder, page by page",
                .handle = list_path,
                .answers = "Listing",
                .queries = {path_query,
                            {"depth", "integer", "How many folders deep; 1: the folder itself"},
                            {"limit", "integer", "At most so many entries, 1000 if not said"},
                            {"cursor", "string", "`next` of the page before"}},
                .errors = read_errors});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/fs/glob",
                .id = "globPaths",
                .tag = "files",
                .summary = "Find paths by a pattern",
                .handle = glob_paths,
                .answers = "FoundPaths",
                .body = &rules.files.glob,
                .errors = read_errors});
  to.push_back({.verb = post,
                .pattern = "/v1/sandboxes/{sandbox_id}/fs/grep",
                .id = "grepLines",
                .tag = "files",
                .summary = "Find lines by a regular expression or a text",
                .handle = grep_lines,
                .answers = "FoundLines",
                .body = &rules.files.grep,
                .errors = read_errors});
  to.push_back(
      {.verb = post,
       .pattern = "/v1/sandboxes/{sandbox_id}/fs/sign",
       .id = "signUrl",
       .tag = "files",
       .summary =
           "A URL that reads or writes one file, or opens the site, without a token, for a time",
       .handle = sign_url,
       .answers = "SignedUrl",
       .body = &rules.files.sign,
       .errors = {sandbox_not_found, path_escapes, zone_read_only, zone_append_only, wrong_state,
                  unavailable}});
}

void add_changes(std::vector<route>& to, const request_rules& rules) {
  auto add = [&](std::string_view pattern, std::string_view id, std::string_view summary,
                 handler handle, std::string_view answers, const protocol::http::schema& body,
                 codes errors) -> route& {
    return to.emplace_back(route{.verb = method::post,
                                 .pattern = pattern,
                                 .id = id,
                                 .tag = "files",
                                 .summary = summary,
                                 .handle = handle,
                                 .answers = answers,
                                 .body = &body,
                                 .errors = write_errors(std::move(errors))});
  };
  add("/v1/sandboxes/{sandbox_id}/fs/mkdir", "makeFolder",
      "Make a folder, and those on the way to it", make_folder, "Entry", rules.files.folder,
      {already_exists})
      .created = true;
  add("/v1/sandboxes/{sandbox_id}/fs/move", "movePath", "Move a file or folder", move_path, "Entry",
      rules.files.transfer, {already_exists, timed_out});
  add("/v1/sandboxes/{sandbox_id}/fs/copy", "copyPath", "Copy a file or folder", copy_path, "Entry",
      rules.files.transfer, {already_exists, timed_out});
  add("/v1/sandboxes/{sandbox_id}/fs/remove", "removePath", "Remove a file or folder", remove_path,
      "Removed", rules.files.removal, {precondition_failed, timed_out});
  add("/v1/sandboxes/{sandbox_id}/fs/append", "appendText", "Add text at a file's end", append_text,
      "Written", rules.files.append, {})
      .created = true;
  add("/v1/sandboxes/{sandbox_id}/fs/edit", "editText", "Replace an exact text in a file",
      edit_text, "Edited", rules.files.edit, {precondition_failed});
}

void add_records(std::vector<route>& to, const request_rules& rules) {
  auto add = [&](std::string_view pattern, std::string_view list_id, handler list,
                 std::string_view list_answers, std::string_view add_id, handler add_one,
                 const protocol::http::schema& one) {
    to.push_back({.verb = method::get,
                  .pattern = pattern,
                  .id = list_id,
                  .tag = "files",
                  .summary = "The records that were added, as they stand now",
                  .handle = list,
                  .answers = list_answers,
                  .errors = read_errors});
    to.push_back({.verb = method::post,
                  .pattern = pattern,
                  .id = add_id,
                  .tag = "files",
                  .summary = "Add a record to the store",
                  .handle = add_one,
                  .status = 201,
                  .answers = one.name,
                  .body = &one,
                  .errors = write_errors({})});
  };
  add("/v1/sandboxes/{sandbox_id}/citations", "listCitations", list_citations, "CitationList",
      "addCitation", add_citation, rules.files.store.citation);
  add("/v1/sandboxes/{sandbox_id}/todo", "listTodo", list_todo, "TodoList", "addTodo", add_todo,
      rules.files.store.todo);
}

}  // namespace

void add_file_routes(std::vector<route>& to, const request_rules& rules) {
  add_bytes(to);
  add_reads(to, rules);
  add_changes(to, rules);
  add_archives(to);
  add_records(to, rules);
  add_watch(to);
}

}  // namespace gateways::http
