// Records in `.store/`: what a program in the sandbox may add, and what clients read back.
//
// Pure. A file of the store is a sequence of lines that is only ever added to. A name that ends in
// `.jsonl` holds JSON objects; `citation.jsonl` and `todo.jsonl` hold those of the schemas here.
#pragma once

#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/http/schema.hpp"

namespace protocol::files {

inline constexpr std::string_view citation_file = "citation.jsonl", todo_file = "todo.jsonl";

struct store_rules {
  store_rules();

  http::schema citation, todo;
};

/// A packet of gateways/inside/doors.hpp, taken apart.
struct store_packet {
  std::string_view name;
  std::string_view record;
};
/// `invalid_field` when it is none, has too long a record, or a name that is none.
result<store_packet> parse_store_packet(std::string_view bytes, std::size_t name_bytes_max,
                                        std::size_t record_bytes_max);

/// The bytes to be added to the file `name`: one line more, or of a text as it is with an end.
result<std::string> store_line(const store_rules& rules, std::string_view name,
                               std::string_view record);

/// The records of `text` as a JSON object `{NAME: [...], "skipped": n, "complete": bool}`. Lines
/// that are no such record are skipped. `whole`: `text` is the whole file.
std::string citations_json(const store_rules& rules, std::string_view text, bool whole);
/// As above. A later record with the same `id` changes what it states; the order is that of ids.
std::string todos_json(const store_rules& rules, std::string_view text, bool whole);

}  // namespace protocol::files
