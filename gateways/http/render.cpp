#include "gateways/http/render.hpp"

#include <charconv>
#include <cmath>

#include "protocol/http/problem.hpp"

namespace gateways::http {
namespace {

constexpr std::size_t chunk_digits = 8;

void append_number(std::string& out, std::size_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace

void request_head::clear() {
  verb = method::get;
  version = 11;
  for (auto* text : {&target, &host, &origin, &authorization, &cookie, &accept, &content_type,
                     &idempotency_key, &last_event_id, &request_id, &upgrade_lines, &range,
                     &only_if.if_match, &only_if.if_none_match, &only_if.if_range,
                     &only_if.if_modified_since, &only_if.if_unmodified_since})
    text->clear();
  length = 0;
  has_host = has_length = has_body = expects_continue = is_preflight = false;
  flaw = {};
}

void request::clear() {
  constexpr std::size_t kept_bytes = 64 << 10;
  head.clear();
  if (body.capacity() > kept_bytes) {
    body = {};
  } else {
    body.clear();
  }
  to = nullptr;
  params.clear();
  query = {};
  client.clear();
  id.clear();
  lines.clear();
}

answer json_answer(int status, std::string body) {
  return {status, "application/json", {}, protocol::buffer(std::move(body))};
}

void add_line(std::string& lines, std::string_view name, std::string_view value) {
  lines.append(name).append(": ").append(value).append("\r\n");
}

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

std::string_view renderer::date() {
  auto now = std::time(nullptr);
  if (now == second_) return date_;
  second_ = now;
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  auto length = std::strftime(text, sizeof text, "\r\nDate: %a, %d %b %Y %H:%M:%S GMT", &parts);
  date_.assign(text, length);
  return date_;
}

void renderer::append_head(std::string& out, const head_of_answer& h) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(h.status));
  out.append(" ").append(reason_of(h.status)).append(date());
  if (!h.type.empty()) out.append("\r\nContent-Type: ").append(h.type);
  if (!h.streamed) {
    // These have no body by their definition, and no length of one either.
    if (h.status != 204 && h.status != 304) {
      out.append("\r\nContent-Length: ");
      append_number(out, h.length);
    }
  } else if (h.version >= 11) {
    out.append("\r\nTransfer-Encoding: chunked");
  }
  if (!h.keep) {
    out.append("\r\nConnection: close");
  } else if (h.version < 11) {
    out.append("\r\nConnection: keep-alive");
  }
  out.append("\r\nCache-Control: no-store\r\nX-Request-Id: ").append(h.request_id).append("\r\n");
  out.append(h.lines).append(h.more_lines).append("\r\n");
}

answer problem_answer(const protocol::fault& f, std::string_view request_id) {
  const auto& row = protocol::describe(f.code);
  answer out{row.http_status,
             name_of(media::problem),
             {},
             protocol::buffer(protocol::http::problem_json(f, request_id))};
  auto wait_s = f.retry_after_s;
  if (wait_s <= 0 && row.retryable && (row.http_status == 429 || row.http_status == 503))
    wait_s = 1;
  if (wait_s > 0)
    add_line(out.lines, "Retry-After", std::to_string(static_cast<long>(std::ceil(wait_s))));
  if (f.code == protocol::error_code::unauthorized)
    add_line(out.lines, "WWW-Authenticate", "Bearer realm=\"troupe\"");
  return out;
}

std::size_t begin_chunk(std::string& out, bool chunked) {
  if (chunked) out.append(chunk_digits, '0').append("\r\n");
  return out.size();
}

void end_chunk(std::string& out, std::size_t began, bool chunked) {
  if (!chunked) return;
  auto size = out.size() - began;
  auto* digit = out.data() + began - 3;
  for (std::size_t i = 0; i < chunk_digits; ++i, size >>= 4)
    *digit-- = "0123456789abcdef"[size & 15];
  out.append("\r\n");
}

}  // namespace gateways::http
