// A small HTTP/1.1 client for the command line: one request a connection, answers read at once or
// as lines while they come.
//
// Blocking, on the calling thread. While it waits for the server it also watches the descriptors
// that its listener names (a terminal, a signal), so a stream never has to be polled from outside.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gateways::cli {

struct url_parts {
  std::string host;
  std::string port;
  std::string prefix;  ///< of all paths; without a slash at the end

  friend bool operator==(const url_parts&, const url_parts&) = default;
};

/// "http://127.0.0.1:8888" or "http://[::1]:8888/prefix"; empty for anything else.
std::optional<url_parts> parse_url(std::string_view url);

/// One segment of a path, percent-encoded.
std::string path_segment(std::string_view text);

struct transport_error {
  bool connected = false;  ///< false: the server was never reached
  std::string text;
};

template <class T>
using transport_result = boost::system::result<T, transport_error>;

/// Found by argument-dependent lookup when `result::value()` holds an error: a programming error.
[[noreturn]] inline void throw_exception_from_error(const transport_error& e,
                                                    const boost::source_location&) {
  throw std::logic_error("unchecked transport_error: " + e.text);
}

struct request {
  std::string method = "GET";
  std::string target{};  ///< path and query
  std::string body{};    ///< JSON; empty: none
  std::string accept = "application/json";
  std::map<std::string, std::string> headers{};
};

struct response {
  int status = 0;
  std::map<std::string, std::string> headers{};  ///< names in small letters
  std::string body{};

  bool ok() const noexcept { return status >= 200 && status < 300; }
  std::string header(const std::string& name) const;
};

/// Something else to do while the server is silent: `ready` is called when `fd` can be read.
struct side_input {
  int fd = -1;
  std::function<void()> ready;
};

class line_listener {
 public:
  virtual ~line_listener() = default;
  virtual void on_header(const response& header) = 0;  ///< once, before the first line
  virtual void on_line(std::string_view line) = 0;     ///< never empty
  virtual std::vector<side_input> side_inputs() { return {}; }
  virtual bool wants_more() const = 0;  ///< false: the stream is closed from here
};

class http_client {
 public:
  /// `token` may be empty: then none is sent.
  http_client(url_parts server, std::string token);

  /// The whole answer. An answer of more than 64 MiB is an error.
  transport_result<response> send(
      const request& what, std::chrono::milliseconds patience = std::chrono::seconds(30)) const;

  /// Lines go to `to` if the status is 2xx; else the body is in the response. `silence` is how long
  /// the server may say nothing, not even a keep-alive.
  transport_result<response> stream(
      const request& what, line_listener& to,
      std::chrono::milliseconds silence = std::chrono::seconds(45)) const;

  std::string address() const;  ///< "127.0.0.1:8888", for messages

 private:
  url_parts server_;
  std::string token_;
};

}  // namespace gateways::cli
