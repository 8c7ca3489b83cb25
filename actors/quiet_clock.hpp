// The clock of `here_first`: CAF's, but its thread is woken only for what is due before all else.
//
// Each request between actors sets a timeout and, once answered, takes it back. CAF's own clock
// wakes its thread for both, which takes longer than most requests do. Any thread; what is due is
// sent by the clock's own thread.
#pragma once

#include <caf/detail/thread_safe_actor_clock.hpp>
#include <condition_variable>
#include <mutex>

namespace actors {

class quiet_clock : public caf::detail::thread_safe_actor_clock {
 public:
  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                            std::uint64_t id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                         std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                        caf::message content) override;
  void cancel_all() override;

  /// Sends what is due, until `stop`; what is not due by then is dropped.
  void run();
  void stop();

 private:
  template <class Change>
  void changed(Change change);

  std::recursive_mutex mutex_;  ///< an actor may die of what is dropped here, and cancel its own
  std::condition_variable_any sooner_;
  time_point wakes_at_ = time_point::max();
  bool stopped_ = false;
};

}  // namespace actors
