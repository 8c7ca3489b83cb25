#include "gateways/http/parser.hpp"

#include <algorithm>

#include "protocol/http/target.hpp"

namespace gateways::http {
namespace {

method method_of(beast::http::verb verb) noexcept {
  switch (verb) {
    case beast::http::verb::get: return method::get;
    case beast::http::verb::head: return method::head;
    case beast::http::verb::post: return method::post;
    case beast::http::verb::put: return method::put;
    case beast::http::verb::delete_: return method::del;
    case beast::http::verb::patch: return method::patch;
    case beast::http::verb::options: return method::options;
    default: return method::other;
  }
}

}  // namespace

void request_parser::on_request_impl(beast::http::verb verb, text, text target, int version,
                                     error_code& ec) {
  ec = {};
  to_.head.verb = method_of(verb);
  to_.head.target.assign(target.data(), target.size());
  to_.head.version = static_cast<unsigned>(version);
}

void request_parser::keep(std::string& field, text value, bool once) {
  if (once && !field.empty()) to_.head.flaw = "a header field that may come once came twice";
  if (!field.empty()) field += ", ";
  field.append(value.data(), value.size());
}

void request_parser::on_field_impl(beast::http::field field, text name, text value,
                                   error_code& ec) {
  ec = {};
  if (in_trailer_) return;
  auto& head = to_.head;
  using enum beast::http::field;
  switch (field) {
    case host:
      if (head.has_host) head.flaw = "the request has more than one Host";
      head.has_host = true;
      head.host.assign(value.data(), value.size());
      break;
    case authorization:
      if (has_authorization_) head.flaw = "the request has more than one Authorization";
      has_authorization_ = true;
      head.authorization.assign(value.data(), value.size());
      break;
    case cookie:
      if (!head.cookie.empty()) head.cookie += "; ";
      head.cookie.append(value.data(), value.size());
      break;
    case origin: keep(head.origin, value, true); break;
    case accept: keep(head.accept, value, false); break;
    case content_type: keep(head.content_type, value, true); break;
    case range: keep(head.range, value, true); break;
    case if_match: keep(head.only_if.if_match, value, false); break;
    case if_none_match: keep(head.only_if.if_none_match, value, false); break;
    // A second one makes it no date, which is as good as none.
    case if_modified_since: keep(head.only_if.if_modified_since, value, false); break;
    case if_unmodified_since: keep(head.only_if.if_unmodified_since, value, false); break;
    case if_range: keep(head.only_if.if_range, value, true); break;
    case access_control_request_method: head.is_preflight = true; break;
    case expect: head.expects_continue = beast::iequals(value, "100-continue"); break;
    case content_length:
      head.has_length = true;
      head.has_body = value != "0";
      head.length = protocol::http::parse_count({value.data(), value.size()}).value_or(0);
      break;
    case transfer_encoding:
      if (!beast::iequals(value, "chunked")) head.flaw = "the only Transfer-Encoding is chunked";
      head.has_length = head.has_body = true;
      break;
    case connection:
    case upgrade:
    case sec_websocket_extensions:
    case sec_websocket_key:
    case sec_websocket_protocol:
    case sec_websocket_version:
      head.upgrade_lines.append(name.data(), name.size()).append(": ");
      head.upgrade_lines.append(value.data(), value.size()).append("\r\n");
      break;
    case unknown: take_other(name, value); break;
    default: break;
  }
}

void request_parser::take_other(text name, text value) {
  if (beast::iequals(name, "X-Request-Id")) {
    to_.head.request_id.assign(value.data(), value.size());
  } else if (beast::iequals(name, "Idempotency-Key")) {
    keep(to_.head.idempotency_key, value, true);
  } else if (beast::iequals(name, "Last-Event-ID")) {
    keep(to_.head.last_event_id, value, true);
  }
}

void request_parser::on_header_impl(error_code& ec) {
  ec = {};
  in_trailer_ = true;
  // HTTP/1.0 has no chunked coding; a proxy in between may see another end of the message.
  if (to_.head.version < 11 && this->chunked()) to_.head.flaw = "HTTP/1.0 has no chunked bodies";
}

void request_parser::on_body_init_impl(boost::optional<std::uint64_t> const& length,
                                       error_code& ec) {
  constexpr std::uint64_t trusted_bytes = 1 << 20;  // what a client says it sends costs nothing yet
  ec = {};
  if (length) to_.body.reserve(std::min(*length, trusted_bytes));
}

std::size_t request_parser::on_body_impl(text body, error_code& ec) {
  ec = {};
  to_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t, text body, error_code& ec) {
  return on_body_impl(body, ec);
}

}  // namespace gateways::http
