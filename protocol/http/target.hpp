// The request target of HTTP: path segments and query parameters, percent-decoded and checked.
//
// Pure; a gateway passes what stood on the request line. Refused are bad escapes, NUL, and what is
// not UTF-8 after decoding; an escaped slash stays inside its segment.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/error.hpp"

namespace protocol::http {

/// The target as views: `/a/b` and `x=1&y`, and of an absolute-form target its authority, which
/// then counts instead of Host (RFC 9112, 3.2.2). A fragment is refused, since clients do not send
/// one.
struct target_parts {
  std::string_view path;
  std::string_view query{};
  std::string_view authority{};
};
result<target_parts> split_target(std::string_view target);

/// Bytes for their escapes; `plus_is_space` for queries.
result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// "/a//b%20c" gives {"a", "", "b c"}; "/" gives {}.
result<std::vector<std::string>> split_path(std::string_view path);

/// The segments from one on with slashes between them. A slash that was escaped is none of these,
/// and no file's name has one: it is refused, as `path_escapes` where the path would leave.
result<std::string> join_path(const std::vector<std::string>& segments, std::size_t from = 0);

class query {
 public:
  static result<query> parse(std::string_view text);

  /// The first value of `name`; a name without `=` has an empty value.
  std::optional<std::string_view> find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// A decimal number without sign or spaces.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// "true", "1" and the empty value; "false" and "0"; else nothing.
std::optional<bool> parse_switch(std::string_view text);

}  // namespace protocol::http
