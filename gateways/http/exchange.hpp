// One request and what comes of it, free of Beast: what the session, the dispatcher and the
// handlers pass to each other.
//
// A session owns one `request` and uses it again for the next, so that a kept-alive connection
// allocates next to nothing. A handler gives an `outcome`: the answer itself, a fault, or a plan:
// of a call to the actors, or of work on files, whose answer the session waits for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateways/client_port.hpp"
#include "protocol/error.hpp"
#include "protocol/files/conditions.hpp"
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
  std::string cookie;
  std::string accept;
  std::string content_type;
  std::string idempotency_key;
  std::string last_event_id;
  std::string request_id;
  std::string upgrade_lines;  ///< those of a WebSocket's handshake, as they came
  std::string range;
  protocol::files::conditions only_if;
  std::uint64_t length = 0;  ///< what Content-Length says
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

/// The bytes of an answer, read as the client takes them; on one thread at a time, which may block.
class byte_source {
 public:
  virtual ~byte_source() = default;
  /// Empty when there are no more.
  virtual protocol::result<std::string> read(std::size_t bytes_max) = 0;
};

struct download {
  answer head;
  std::optional<std::uint64_t> length;  ///< none: till the source ends
  std::shared_ptr<byte_source> bytes;
};

struct file_plan;

struct plan {
  client_call call;
  media form = media::json;            ///< json: one whole answer, else a stream of events
  bool cancel_on_disconnect = false;   ///< also a half-closed client has gone
  bool endless = false;                ///< events without end: bounded, ended when the daemon ends
  std::uint64_t skip_through = 0;      ///< events the client has already seen
  std::function<void(answer&)> adapt;  ///< makes the final answer what the route promises
  /// Likewise, but of what is put into a file first.
  std::function<file_plan(answer&)> keep;
  /// Begins what the actors have no part in, in place of `call`. What it accepts is a cursor,
  /// `FEED-N`, and the ids of its events are such.
  std::function<std::unique_ptr<call_handle>(std::shared_ptr<reply_sink>)> follow;
};

/// What has become of work on files; a plan: it goes on with that.
using file_outcome = std::variant<answer, download, plan, protocol::fault>;

/// What takes the bytes of a request as they come; on one thread at a time, which may block.
/// Dropped before `finish`, it leaves nothing.
class byte_sink {
 public:
  virtual ~byte_sink() = default;
  virtual protocol::result<void> write(std::string_view bytes) = 0;
  virtual file_outcome finish() = 0;
};

/// Work on files, run where blocking is allowed. What has the same `order` runs in the order it
/// came.
struct file_plan {
  std::string order;
  bool slow = false;        ///< it may take seconds
  bool only_reads = false;  ///< no use in it when the client has gone
  /// What it is given is set when nobody waits for the answer any more, and when the daemon ends.
  std::function<file_outcome(const std::atomic<bool>& unwanted, const std::atomic<bool>& stopping)>
      run;
};

/// The answer to a request whose body is not kept but streamed.
struct upload_plan {
  std::string order;  ///< of its `finish`
  /// What it is given is set when the daemon ends, and outlives the sink.
  std::function<protocol::result<std::shared_ptr<byte_sink>>(const std::atomic<bool>& stopping)>
      open;
};

/// The connection is another's from here on.
struct hand_over {
  std::string head;  ///< of the request
  std::function<void(int fd, std::string bytes)> take;
};

using outcome = std::variant<answer, plan, file_plan, upload_plan, hand_over, protocol::fault>;

answer json_answer(int status, std::string body);
void add_line(std::string& lines, std::string_view name, std::string_view value);

}  // namespace gateways::http
