// Lets an I/O thread run the actors that it wakes, in place of a worker of the scheduler.
//
// What such a thread hears of (a request, a kernel's message) is for one actor, which tells one or
// two more. Waking a worker for each costs more than what they do, most of all on a processor that
// has gone to sleep. An I/O thread declares one `run_here` around its loop; whatever runs there
// then enqueues actors to itself, for a short while at a time: what does not fit goes to the
// workers, as does what other threads wake. Needs the scheduler `here_first`; without it nothing
// runs here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace actors {

class run_here {
 public:
  /// Runs work on this very thread, after what runs now.
  using post_function = std::function<void(std::function<void()>)>;

  /// `turn_max`: so long the thread's own work waits for actors, and for the last of them to
  /// finish; one of them runs in any case.
  explicit run_here(post_function post,
                    std::chrono::microseconds turn_max = std::chrono::microseconds(500));
  /// What still waits goes to the workers.
  ~run_here();
  run_here(const run_here&) = delete;
  run_here& operator=(const run_here&) = delete;

 private:
  class unit;
  friend class here_first;

  std::unique_ptr<unit> unit_;
};

}  // namespace actors
