// Between an actor's thread, which answers, and a session's thread, which writes.
//
// Answers gather here until the session takes them: one wake-up brings many events, and a slow
// client's events wait as shared bytes. Free of Asio; `wake` posts to the session's thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateways/client_port.hpp"

namespace gateways::http {

struct whole_answer {
  int status = 200;
  protocol::buffer body;
};
struct stream_end {};
using final_word = std::variant<whole_answer, protocol::fault, stream_end>;

struct inbox {
  std::string accepted;  ///< the execution's id, once
  std::uint64_t first = 1;
  std::vector<protocol::buffer> events;
  std::optional<final_word> end;
  bool overflowed = false;  ///< events were dropped: the reader is too slow

  bool empty() const { return accepted.empty() && events.empty() && !end && !overflowed; }
};

class call_sink final : public reply_sink {
 public:
  /// `events_max` 0: bounded by whoever makes the events (an execution's output has a bound).
  call_sink(std::function<void()> wake, std::size_t events_max)
      : wake_(std::move(wake)), events_max_(events_max) {}

  void accepted(std::string execution_id) override;
  void events(std::uint64_t first, std::vector<protocol::buffer> events) override;
  void answered(int status, protocol::buffer body, std::string execution_id) override;
  void failed(protocol::fault f) override;
  void finished() override;

  /// What came since the last time.
  inbox take();

 private:
  void end(final_word word, std::string execution_id = {});
  void ring(bool needed);

  std::function<void()> wake_;
  const std::size_t events_max_;
  std::mutex mutex_;
  inbox inbox_;
  bool rung_ = false;  ///< the session knows, and has not looked yet
};

}  // namespace gateways::http
