// A fault as the body of an `application/problem+json` answer (RFC 9457).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/http/schema.hpp"

namespace protocol::http {

/// The object on one line: type, title, status, detail, code, request_id, retryable, then the
/// fault's own members.
std::string problem_json(const fault& f, std::string_view request_id);

/// `invalid_field` with its list `errors` of {pointer, detail}.
fault invalid_fields(const std::vector<violation>& violations);

/// The table of docs/errors.md.
std::string errors_page();

}  // namespace protocol::http
