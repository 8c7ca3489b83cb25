#include "actors/browser/dialogue.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace actors::browsing {

// -- waiter --------------------------------------------------------------------------------------

waiter::waiter(dialogue& at, double until_ms)
    : at_(at), timer_(at.timers_.emplace(until_ms, this)) {}

waiter::~waiter() {
  if (timer_) at_.timers_.erase(*timer_);
  if (over_) std::erase(at_.ready_, this);
}

void waiter::end() {
  if (std::exchange(over_, true)) return;
  if (timer_) at_.timers_.erase(*timer_);
  timer_.reset();
  if (who_) at_.ready_.push_back(this);
}

// -- call ----------------------------------------------------------------------------------------

call::call(dialogue& at, const std::string& session_id, std::string_view method, const json& params,
           double timeout_ms)
    : waiter(at, at.now() + timeout_ms), id_(at.send(session_id, method, params)) {
  at.calls_.emplace(id_, this);
}

call::~call() {
  at_.calls_.erase(id_);
}

void call::timed_out() {
  reply_.error = cdp_error{0, "the browser did not answer in time"};
  end();
}

// -- signal --------------------------------------------------------------------------------------

signal::awaited::awaited(signal& of, dialogue& at, double until_ms)
    : waiter(at, until_ms), of_(&of) {
  of.waiting_.push_back(this);
}

signal::awaited::~awaited() {
  if (of_) std::erase(of_->waiting_, this);
}

signal::~signal() {
  for (auto* each : waiting_) each->of_ = nullptr;
}

void signal::notify() {
  for (auto* each : std::exchange(waiting_, {})) {
    each->of_ = nullptr;
    each->notified_ = true;
    each->end();
  }
}

// -- dialogue ------------------------------------------------------------------------------------

std::int64_t dialogue::send(const std::string& session_id, std::string_view method,
                            const json& params) {
  // Chromium takes ids of 32 bits.
  do {
    last_id_ = last_id_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_id_ + 1;
  } while (calls_.contains(last_id_));
  auto message = with("id", last_id_, "method", method);
  if (params.is_object()) message["params"] = params;
  if (!session_id.empty()) message["sessionId"] = session_id;
  // What a client gave may hold what is no UTF-8; it must not throw here.
  send_(message.dump(-1, ' ', false, json::error_handler_t::replace));
  return last_id_;
}

void dialogue::post(const std::string& session_id, std::string_view method, const json& params) {
  send(session_id, method, params);
}

void dialogue::answered(json message) {
  auto found = calls_.find(integer_at(message, "id"));
  if (found == calls_.end()) return;
  auto& to = *found->second;
  if (message.contains("error")) {
    to.reply_.error = cdp_error{static_cast<int>(number_at(message, "error", "code")),
                                text_at(message, "error", "message")};
  } else if (message.contains("result")) {
    to.reply_.result = std::move(message["result"]);
  }
  calls_.erase(found);
  to.end();
}

void dialogue::elapsed() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    auto& due = *timers_.begin()->second;
    due.timed_out();
  }
}

bool dialogue::go_on() {
  bool any = false;
  while (!ready_.empty()) {
    auto* next = ready_.front();
    ready_.pop_front();
    any = true;
    next->who_.resume();
  }
  return any;
}

std::optional<double> dialogue::due() const {
  if (timers_.empty()) return {};
  return timers_.begin()->first;
}

task<reply> insist(session s, std::string method, json params) {
  constexpr double again_ms = 20, end_ms = 2'000;
  auto end = s.at_->now() + end_ms;
  for (;;) {
    auto told = co_await s.call(method, params);
    auto later = told.error && told.error->message == "Not attached to an active page";
    if (!later || s.at_->now() >= end) co_return told;
    co_await s.at_->after(again_ms);
  }
}

}  // namespace actors::browsing
