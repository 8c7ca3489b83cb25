#include "gateways/http/call_sink.hpp"

#include <iterator>
#include <utility>

namespace gateways::http {

void call_sink::accepted(std::string execution_id) {
  std::unique_lock lock(mutex_);
  inbox_.accepted = std::move(execution_id);
  bool needed = !std::exchange(rung_, true);
  lock.unlock();
  ring(needed);
}

void call_sink::events(std::uint64_t first, std::vector<protocol::buffer> events) {
  if (events.empty()) return;
  std::unique_lock lock(mutex_);
  if (inbox_.overflowed) return;
  if (events_max_ > 0 && inbox_.events.size() + events.size() > events_max_) {
    // What fits is still delivered, so that a client which comes back has moved on.
    inbox_.overflowed = true;
    events.resize(events_max_ - inbox_.events.size());
  }
  if (inbox_.events.empty()) {
    inbox_.first = first;
    inbox_.events = std::move(events);
  } else {
    inbox_.events.insert(inbox_.events.end(), std::make_move_iterator(events.begin()),
                         std::make_move_iterator(events.end()));
  }
  bool needed = !std::exchange(rung_, true);
  lock.unlock();
  ring(needed);
}

void call_sink::answered(int status, protocol::buffer body, std::string execution_id) {
  end(whole_answer{status, std::move(body)}, std::move(execution_id));
}

void call_sink::failed(protocol::fault f) {
  end(std::move(f));
}

void call_sink::finished() {
  end(stream_end{});
}

inbox call_sink::take() {
  std::lock_guard lock(mutex_);
  rung_ = false;
  return std::exchange(inbox_, {});
}

void call_sink::end(final_word word, std::string execution_id) {
  std::unique_lock lock(mutex_);
  if (!execution_id.empty()) inbox_.accepted = std::move(execution_id);
  inbox_.end = std::move(word);
  bool needed = !std::exchange(rung_, true);
  lock.unlock();
  ring(needed);
}

void call_sink::ring(bool needed) {
  if (needed) wake_();
}

}  // namespace gateways::http
