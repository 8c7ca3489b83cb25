// Answers as bytes: status line and header, rendered straight into the session's output.
//
// Used on the server's thread only; the Date line is rendered once a second.
#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include "gateways/http/exchange.hpp"

namespace gateways::http {

std::string_view reason_of(int status) noexcept;

struct head_of_answer {
  int status = 200;
  std::string_view type{};
  std::string_view request_id{};
  std::string_view lines{};       ///< of the request
  std::string_view more_lines{};  ///< of the answer
  std::size_t length = 0;         ///< unused when streamed
  bool streamed = false;
  bool keep = true;
  unsigned version = 11;
};

class renderer {
 public:
  void append_head(std::string& out, const head_of_answer& h);

 private:
  std::string_view date();

  std::time_t second_ = 0;
  std::string date_;
};

/// The answer to a fault, with Retry-After, Allow and the like in its lines.
answer problem_answer(const protocol::fault& f, std::string_view request_id);

// One chunk of a chunked body: `begin_chunk` leaves room for its size, `end_chunk` fills it in.
// With `chunked` false (HTTP/1.0) both add nothing.
std::size_t begin_chunk(std::string& out, bool chunked);
void end_chunk(std::string& out, std::size_t began, bool chunked);

}  // namespace gateways::http
