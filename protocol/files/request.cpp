#include "protocol/files/request.hpp"

#include "protocol/files/path.hpp"
#include "protocol/http/problem.hpp"

namespace protocol::files {
namespace {

using http::field;
using http::schema;
using nlohmann::json;
using enum http::field_kind;

field path_field(std::string_view name = "path", bool required = true) {
  return {.name = name, .required = required, .doc = "In the workspace, relative to it."};
}

field flag_field(std::string_view name, std::string_view doc) {
  return {.name = name, .kind = boolean, .fallback = "false", .doc = doc};
}

field limit_field(std::string_view fallback, double max) {
  return {.name = "limit",
          .kind = integer,
          .min = 1,
          .max = max,
          .fallback = fallback,
          .doc = "At most so many are answered."};
}

schema grep_schema() {
  return {"GrepRequest",
          "Lines to find.",
          {{.name = "pattern",
            .required = true,
            .doc = "A regular expression (Perl's), matched against each line."},
           path_field("path", false),
           {.name = "glob", .doc = "Only files with such paths below `path`."},
           flag_field("literal", "The pattern is text, not an expression."),
           flag_field("ignore_case", "Of ASCII letters."),
           limit_field("200", 5'000)}};
}

const json* member(const json& body, const char* name) {
  auto it = body.find(name);
  return it == body.end() || it->is_null() ? nullptr : &*it;
}

}  // namespace

request_rules::request_rules()
    : append{"AppendRequest",
             "Text to add at a file's end.",
             {path_field(), {.name = "text", .required = true}}},
      edit{"EditRequest",
           "An exact replacement.",
           {path_field(),
            {.name = "old", .required = true, .doc = "Must be in the file once, or `all` be set."},
            {.name = "new", .required = true},
            flag_field("all", "Replace every occurrence."),
            flag_field("dry_run", "Answer the diff and change nothing.")}},
      folder{"FolderRequest", "The folder to make.", {path_field()}},
      transfer{"TransferRequest",
               "From where to where.",
               {path_field("from"), path_field("to"),
                flag_field("replace", "Also a file that stands at `to`.")}},
      removal{"RemoveRequest",
              "What to remove.",
              {path_field(), flag_field("recursive", "A folder with all that is in it.")}},
      glob{"GlobRequest",
           "Paths to find.",
           {{.name = "pattern", .required = true, .doc = "`*`, `?`, `[a-z]`, `**`, `{one,other}`."},
            path_field("path", false),
            limit_field("1000", 10'000)}},
      grep(grep_schema()),
      sign{"SignRequest",
           "The file to make a URL for, or the site.",
           {{.name = "path", .doc = "In the workspace, relative to it; required for a file."},
            {.name = "method", .kind = choice, .fallback = "\"GET\"", .choices = {"GET", "PUT"}},
            {.name = "expires_s", .kind = integer, .min = 1, .max = 7 * 86'400, .fallback = "3600"},
            flag_field("deploy", "The site that is in `deploy/`; `path` and `method` stay out.")}} {
}

result<std::string> read_path(const json& body, const char* name) {
  auto* value = member(body, name);
  if (!value) return std::string();
  return parse_path(value->get_ref<const std::string&>(), "/" + std::string(name));
}

std::optional<fault> sign_refusal(const json& body) {
  bool site = read_flag(body, "deploy");
  if (!site && !member(body, "path")) return http::invalid_fields({{"/path", "is required"}});
  for (auto* name : {"path", "method"})
    if (site && member(body, name))
      return http::invalid_fields({{"/" + std::string(name), "does not go with `deploy`"}});
  return std::nullopt;
}

std::string read_text(const json& body, const char* name) {
  auto* value = member(body, name);
  return value ? value->get<std::string>() : std::string();
}

bool read_flag(const json& body, const char* name) {
  auto* value = member(body, name);
  return value && value->get<bool>();
}

std::uint64_t read_count(const json& body, const char* name, std::uint64_t otherwise) {
  auto* value = member(body, name);
  return value ? static_cast<std::uint64_t>(value->get<double>()) : otherwise;
}

result<std::optional<glob>> read_glob(const json& body, const char* name) {
  auto* value = member(body, name);
  if (!value) return std::optional<glob>();
  auto out = glob::parse(value->get_ref<const std::string&>(), "/" + std::string(name));
  if (!out) return out.error();
  return std::optional<glob>(std::move(*out));
}

}  // namespace protocol::files
