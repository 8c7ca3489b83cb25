// Commands to a browser and the wait for what it says, for tasks.
//
// Owned by a driver, which feeds it: replies, the time, and the moment to go on. What is waited for
// is an object in the frame of the task that waits; with the frame it is forgotten here.
// Invariants: nothing resumes but in `go_on`; everything that is waited for has an end in time.
// Times are milliseconds of a steady clock.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/browser/reach.hpp"
#include "actors/browser/task.hpp"

namespace actors::browsing {

struct cdp_error {
  int code = 0;  ///< the browser's; 0: it did not answer in time
  std::string message;
};

struct reply {
  json result = json::object();
  std::optional<cdp_error> error;

  explicit operator bool() const { return !error; }
};

inline constexpr double call_timeout_ms = 10'000;

class dialogue;

/// Base of all that `co_await` waits for.
class waiter {
 public:
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  bool await_ready() const noexcept { return over_; }
  void await_suspend(std::coroutine_handle<> who) noexcept { who_ = who; }

 protected:
  waiter(dialogue& at, double until_ms);
  virtual ~waiter();
  /// What was waited for is there, or its time has come. Only the first counts.
  void end();
  virtual void timed_out() { end(); }

  dialogue& at_;

 private:
  friend class dialogue;
  std::coroutine_handle<> who_;
  bool over_ = false;
  std::optional<std::multimap<double, waiter*>::iterator> timer_;
};

/// A command that was sent when this was made: several may be under way before one is awaited.
class call : public waiter {
 public:
  call(dialogue& at, const std::string& session_id, std::string_view method, const json& params,
       double timeout_ms);
  ~call() override;
  reply await_resume() { return std::move(reply_); }

 private:
  friend class dialogue;
  void timed_out() override;
  std::int64_t id_;
  reply reply_;
};

class pause : public waiter {
 public:
  pause(dialogue& at, double until_ms) : waiter(at, until_ms) {}
  void await_resume() const noexcept {}
};

/// Something that tasks wait for again and again: that what they look at may have changed.
class signal {
 public:
  class awaited : public waiter {
   public:
    awaited(signal& of, dialogue& at, double until_ms);
    ~awaited() override;
    /// Whether it was notified; false: the time is over.
    bool await_resume() const noexcept { return notified_; }

   private:
    friend class signal;
    signal* of_;
    bool notified_ = false;
  };

  signal() = default;
  signal(const signal&) = delete;
  ~signal();
  awaited next(dialogue& at, double until_ms) { return awaited(*this, at, until_ms); }
  void notify();

 private:
  std::vector<awaited*> waiting_;
};

class dialogue {
 public:
  explicit dialogue(std::function<void(std::string)> send) : send_(std::move(send)) {}

  // For tasks. `session_id` empty: the browser itself.
  call ask(const std::string& session_id, std::string_view method, const json& params = json(),
           double timeout_ms = call_timeout_ms) {
    return call(*this, session_id, method, params, timeout_ms);
  }
  /// Sends what needs no answer.
  void post(const std::string& session_id, std::string_view method, const json& params = json());
  pause until(double time_ms) { return pause(*this, time_ms); }
  pause after(double delay_ms) { return pause(*this, now_ + delay_ms); }
  double now() const { return now_; }

  // For the driver.
  void set_now(double now_ms) { now_ = now_ms; }
  /// A message that has an id.
  void answered(json message);
  /// Ends what has waited long enough.
  void elapsed();
  /// Resumes all that can go on; false: there was none.
  bool go_on();
  std::optional<double> due() const;

 private:
  friend class waiter;
  friend class call;
  std::int64_t send(const std::string& session_id, std::string_view method, const json& params);

  std::function<void(std::string)> send_;
  double now_ = 0;
  std::int64_t last_id_ = 0;
  std::unordered_map<std::int64_t, call*> calls_;
  std::multimap<double, waiter*> timers_;
  std::deque<waiter*> ready_;
};

/// The dialogue with one session.
class session {
 public:
  session(dialogue& at, std::string id) : at_(&at), id_(std::move(id)) {}

  const std::string& id() const { return id_; }
  browsing::call call(std::string_view method, const json& params = json(),
                      double timeout_ms = call_timeout_ms) const {
    return at_->ask(id_, method, params, timeout_ms);
  }
  void post(std::string_view method, const json& params = json()) const {
    at_->post(id_, method, params);
  }

 private:
  friend task<reply> insist(session, std::string, json);

  dialogue* at_;
  std::string id_;
};

/// Asks again for a while where a page says that it is just becoming another one.
task<reply> insist(session s, std::string method, json params = json::object());

}  // namespace actors::browsing
