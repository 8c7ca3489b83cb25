// One request and what comes of it, free of Beast: what the session, the dispatcher and the
// handlers pass to each other.
//
// A session owns one `request` and uses it again for the next, so that a kept-alive connection
// allocates next to nothing. A handler gives an `outcome`: the answer itself, a fault, or a `plan`:
// a call to the actors whose answer the session waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateways/client_port.hpp"
#include "protocol/error.hpp"
#include "protocol/http/accept.hpp"

namespace gateways::http {

using protocol::http::media;
using time_point = std::chrono::steady_clock::time_point;

enum class method : std::uint8_t { get, head, post, put, del, patch, options, other };
inline constexpr std::size_t method_count = 8;

struct route;

struct request_head {
  method verb = method::get;
  unsigned version = 11;  ///< 10 or 11
  std::string target;
  std::string host;
  std::string origin;
  std::string authorization;
  std::string accept;
  std::string content_type;
  std::string idempotency_key;
  std::string last_event_id;
  std::string request_id;
  bool has_host = false;
  bool has_length = false;  ///< Content-Length or chunked
  bool has_body = false;    ///< and it is not of length 0
  bool expects_continue = false;
  bool is_preflight = false;
  std::string_view flaw;  ///< a field that makes the request malformed, for the detail

  void clear();
};

struct request {
  request_head head;
  std::string body;
  // What admission found out.
  const route* to = nullptr;
  std::vector<std::string> params;  ///< of the pattern, decoded
  std::string_view query;           ///< into `head.target`
  std::string client;               ///< who pays for it
  std::string id;                   ///< of X-Request-Id
  std::string lines;                ///< header lines of whatever is answered
  time_point began{};

  void clear();
  /// HEAD is GET without a body.
  bool omits_body() const { return head.verb == method::head; }
};

struct answer {
  int status = 200;
  std::string_view type = "application/json";
  std::string lines;      ///< further header lines, each with its CRLF
  protocol::buffer body;  ///< shared: a large one is written as it came
};

struct plan {
  client_call call;
  media form = media::json;            ///< json: one whole answer, else a stream of events
  bool cancel_on_disconnect = false;   ///< also a half-closed client has gone
  bool endless = false;                ///< the events of the node: bounded, the head comes at once
  std::uint64_t skip_through = 0;      ///< events the client has already seen
  std::function<void(answer&)> adapt;  ///< makes the final answer what the route promises
};

using outcome = std::variant<answer, plan, protocol::fault>;

answer json_answer(int status, std::string body);
void add_line(std::string& lines, std::string_view name, std::string_view value);

}  // namespace gateways::http
