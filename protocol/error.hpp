// The one list of error codes and the one table that says what each means at the edge.
//
// A code exists only if a caller acts on it; everything else is context text in `fault::detail`.
// The same code stands for the same fault in every protocol (HTTP, Jupyter, CDP, the command line).
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace protocol {

enum class error_code : std::uint8_t {
  malformed_request = 1,
  malformed_json,
  unauthorized,
  host_not_allowed,
  origin_not_allowed,
  path_escapes,
  zone_read_only,
  zone_append_only,
  url_refused,
  route_not_found,
  sandbox_not_found,
  kernel_not_found,
  execution_not_found,
  turn_not_found,
  file_not_found,
  page_not_found,
  method_not_allowed,
  not_acceptable,
  request_timeout,
  wrong_state,
  already_exists,
  stale_ref,
  not_actionable,
  page_crashed,
  dialog_open,
  length_required,
  precondition_failed,
  body_too_large,
  uri_too_long,
  unsupported_media_type,
  range_not_satisfiable,
  invalid_field,
  element_not_found,
  javascript_error,
  navigation_failed,
  idempotency_mismatch,
  queue_full,
  rate_limited,
  execution_limit,
  step_limit,
  sandbox_limit,
  kernel_limit,
  header_too_large,
  internal,
  starting,
  draining,
  unavailable,
  browser_restarted,
  timed_out,
  disk_full,
  disk_quota,
};

/// One row of the table: what the edge shows for a code.
struct error_row {
  error_code code;
  std::string_view name;  ///< the stable `code` of problem+json
  int http_status;
  bool retryable;          ///< the same request may succeed later, unchanged
  std::string_view title;  ///< a sentence without the particulars
  std::string_view doc;    ///< what a caller does about it
};

/// All rows, in the order of the enum.
std::span<const error_row> error_table() noexcept;

/// The row of `code`; an out-of-range value gives the row of `internal`.
const error_row& describe(error_code code) noexcept;

std::string to_string(error_code code);

/// An error on its way to a caller. Plain data: it crosses actors and nodes.
struct fault {
  error_code code = error_code::internal;
  std::string detail;        ///< what was found, and where
  std::string members;       ///< a JSON object's text with further problem+json members, or empty
  double retry_after_s = 0;  ///< 0: no Retry-After header
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fault& x) {
  return f(x.code, x.detail, x.members, x.retry_after_s);
}

template <class T>
using result = boost::system::result<T, fault>;

/// Found by argument-dependent lookup when `result::value()` holds a fault: a programming error.
[[noreturn]] inline void throw_exception_from_error(const fault& f, const boost::source_location&) {
  throw std::logic_error("unchecked fault: " + f.detail);
}

}  // namespace protocol
