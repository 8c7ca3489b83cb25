// Any text as what requests on files are made of: paths, cursors, ranges, ETags, patterns, edits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "protocol/files/conditions.hpp"
#include "protocol/files/edit.hpp"
#include "protocol/files/glob.hpp"
#include "protocol/files/path.hpp"
#include "protocol/files/store.hpp"
#include "protocol/json.hpp"

using namespace protocol::files;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void parse_paths(std::string_view text) {
  if (auto path = parse_path(text)) {
    auto again = parse_path(*path);
    require(again && *again == *path);
    for (auto part : parts_of(*path)) require(!part.empty() && part != "." && part != "..");
    require(*parse_cursor(cursor_of(*path)) == *path);
    require(!lies_before(*path, *path));
  }
  if (auto path = parse_cursor(text)) require(path->size() * 2 == text.size());
}

void parse_conditions(std::string_view text, std::uint64_t size) {
  auto choice = choose_range(text, size);
  if (auto* r = std::get_if<byte_range>(&choice))
    require(r->length > 0 && r->first < size && r->length <= size - r->first);
  std::string same(text);
  conditions by_etag{same, same, {}}, by_date{{}, {}, {}, same, same};
  for (auto* c : {&by_etag, &by_date})
    for (auto etag : {"\"a\"", ""}) {
      (void)judge(*c, etag, 1'000'000'000, true);
      (void)judge(*c, etag, 1'000'000'000, false);
    }
  if (auto date = parse_http_date(text)) require(parse_http_date(http_date(*date)) == date);
}

/// A packet of a program's, and what the store's file says then.
void add_records(std::string_view bytes) {
  static const store_rules rules;
  auto packet = parse_store_packet(bytes, 64, 1 << 17);
  if (packet) {
    require(packet->name.find('/') == packet->name.npos && packet->name.front() != '.');
    auto line = store_line(rules, packet->name, packet->record);
    require(!line || line->ends_with('\n'));
    if (line && packet->name.ends_with(".jsonl")) require(line->find('\n') + 1 == line->size());
  }
  require(protocol::is_json_object(citations_json(rules, bytes, true)));
  require(protocol::is_json_object(todos_json(rules, bytes, true)));
  if (auto line = store_line(rules, todo_file, bytes))
    require(todos_json(rules, *line, true).find("\"skipped\":0") != std::string::npos);
}

/// The first line and the second are the text to find and its replacement, the rest is the text.
void edit_text(std::string_view bytes) {
  auto first = bytes.find('\n');
  if (first == bytes.npos) return;
  auto second = bytes.find('\n', first + 1);
  if (second == bytes.npos) return;
  auto old = bytes.substr(0, first), with = bytes.substr(first + 1, second - first - 1);
  auto text = bytes.substr(second + 1);
  auto at = occurrences(text, old);
  require(places_of(text, at, 10).size() == std::min<std::size_t>(at.size(), 10));
  replacement r{at, old.size(), with};
  require(applied(text, r).size() ==
          text.size() + at.size() * with.size() - at.size() * old.size());
  (void)unified_diff("f", text, r);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_paths(text);
  add_records(text);
  parse_conditions(text, size * 3);
  if (auto pattern = glob::parse(text.substr(0, text.find('\n'))))
    (void)pattern->matches(text.substr(std::min(text.size(), text.find('\n') + 1)));
  edit_text(text);
  return 0;
}
