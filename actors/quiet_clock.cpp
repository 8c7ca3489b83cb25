#include "actors/quiet_clock.hpp"

#include <utility>

namespace actors {

using plain = caf::detail::simple_actor_clock;

template <class Change>
void quiet_clock::changed(Change change) {
  std::unique_lock lock(mutex_);
  change();
  if (schedule_.empty() || schedule_.begin()->first >= wakes_at_) return;
  wakes_at_ = schedule_.begin()->first;
  lock.unlock();
  sooner_.notify_one();
}

void quiet_clock::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    trigger_expired_timeouts();
    wakes_at_ = schedule_.empty() ? time_point::max() : schedule_.begin()->first;
    if (schedule_.empty())
      sooner_.wait(lock);
    else
      sooner_.wait_until(lock, wakes_at_);
  }
  plain::cancel_all();
}

void quiet_clock::stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  lock.unlock();
  sooner_.notify_one();
}

void quiet_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                                       caf::atom_value type, std::uint64_t id) {
  changed([&] { plain::set_ordinary_timeout(t, self, type, id); });
}

void quiet_clock::set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                                    std::uint64_t id) {
  changed([&] { plain::set_multi_timeout(t, self, type, id); });
}

void quiet_clock::set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) {
  changed([&] { plain::set_request_timeout(t, self, id); });
}

void quiet_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  changed([&] { plain::cancel_ordinary_timeout(self, type); });
}

void quiet_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  changed([&] { plain::cancel_request_timeout(self, id); });
}

void quiet_clock::cancel_timeouts(caf::abstract_actor* self) {
  changed([&] { plain::cancel_timeouts(self); });
}

void quiet_clock::schedule_message(time_point t, caf::strong_actor_ptr receiver,
                                   caf::mailbox_element_ptr content) {
  changed([&] { plain::schedule_message(t, std::move(receiver), std::move(content)); });
}

void quiet_clock::schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                                   caf::message content) {
  changed([&] {
    plain::schedule_message(t, std::move(target), std::move(sender), std::move(content));
  });
}

void quiet_clock::cancel_all() {
  changed([&] { plain::cancel_all(); });
}

}  // namespace actors
