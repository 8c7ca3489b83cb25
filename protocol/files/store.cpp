#include "protocol/files/store.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/files/entry.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"
#include "protocol/object_writer.hpp"

namespace protocol::files {
namespace {

using http::field;
using http::schema;
using nlohmann::json;

schema citation_schema() {
  return {"Citation",
          "A source that something rests on: `url` or `path`, or both.",
          {{.name = "url"},
           {.name = "path", .doc = "In the workspace."},
           {.name = "title"},
           {.name = "quote", .doc = "The words that count."},
           {.name = "note"}}};
}

schema todo_schema() {
  return {"Todo",
          "A thing to do. A later one with the same `id` changes what it states.",
          {{.name = "id", .kind = http::field_kind::identifier, .required = true},
           {.name = "text"},
           {.name = "status",
            .kind = http::field_kind::choice,
            .fallback = "\"pending\"",
            .choices = {"pending", "in_progress", "completed", "cancelled"}}}};
}

bool says(const json& record, const char* name) {
  auto it = record.find(name);
  return it != record.end() && it->is_string() && !it->get_ref<const std::string&>().empty();
}

std::vector<http::violation> violations_of(const store_rules& rules, std::string_view name,
                                           const json& record) {
  if (name == todo_file) return validate(record, rules.todo);
  if (name != citation_file)
    return record.is_object() ? std::vector<http::violation>()
                              : std::vector<http::violation>{{"", "must be an object"}};
  auto wrong = validate(record, rules.citation);
  if (wrong.empty() && !says(record, "url") && !says(record, "path"))
    wrong.push_back({"", "must have `url` or `path`"});
  return wrong;
}

/// Calls `take` with each record that is one; the number of lines that are none.
std::uint64_t each_record(const store_rules& rules, std::string_view name, std::string_view text,
                          const std::function<void(json)>& take) {
  std::uint64_t skipped = 0;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    auto record = parse_json(line);
    if (record && violations_of(rules, name, *record).empty())
      take(std::move(*record));
    else
      ++skipped;
  }
  return skipped;
}

std::string answer(std::string_view member, page& items, std::uint64_t skipped, bool whole) {
  object_writer out;
  bool complete = whole && !items.full();
  out.raw(member, items.close());
  out.number("skipped", skipped);
  out.flag("complete", complete);
  return out.close();
}

}  // namespace

store_rules::store_rules() : citation(citation_schema()), todo(todo_schema()) {}

result<store_packet> parse_store_packet(std::string_view bytes, std::size_t name_bytes_max,
                                        std::size_t record_bytes_max) {
  auto end = bytes.find('\0');
  if (end == bytes.npos)
    return http::invalid_fields({{"", "must be a name, a byte 0 and the record"}});
  auto name = bytes.substr(0, end), record = bytes.substr(end + 1);
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.empty() || name.size() > name_bytes_max || name.front() == '.' ||
      !std::ranges::all_of(name, fits))
    return http::invalid_fields({{"/name", "must be 1 to " + std::to_string(name_bytes_max) +
                                               " letters, digits, `_`, `.` or `-`, and not begin "
                                               "with `.`"}});
  if (record.empty() || record.size() > record_bytes_max)
    return http::invalid_fields(
        {{"/record", "must have 1 to " + std::to_string(record_bytes_max) + " bytes"}});
  return store_packet{name, record};
}

result<std::string> store_line(const store_rules& rules, std::string_view name,
                               std::string_view record) {
  if (!name.ends_with(".jsonl")) {
    std::string line(record);
    if (!line.ends_with('\n')) line += '\n';
    return line;
  }
  auto parsed = parse_json(record);
  if (!parsed) return parsed.error();
  auto wrong = violations_of(rules, name, *parsed);
  if (!wrong.empty()) return http::invalid_fields(wrong);
  return parsed->dump() + "\n";
}

std::string citations_json(const store_rules& rules, std::string_view text, bool whole) {
  page items;
  auto skipped = each_record(rules, citation_file, text,
                             [&](const json& record) { items.add(record.dump()); });
  return answer("citations", items, skipped, whole);
}

std::string todos_json(const store_rules& rules, std::string_view text, bool whole) {
  std::vector<json> todos;
  std::map<std::string, std::size_t> at;
  auto skipped = each_record(rules, todo_file, text, [&](json record) {
    auto [it, fresh] = at.emplace(record.at("id").get<std::string>(), todos.size());
    if (fresh) todos.push_back({{"text", ""}, {"status", "pending"}});
    for (auto& [name, value] : record.items())
      if (!value.is_null()) todos[it->second][name] = value;
  });
  page items;
  for (auto& todo : todos)
    if (!items.add(todo.dump())) break;
  return answer("todo", items, skipped, whole);
}

}  // namespace protocol::files
