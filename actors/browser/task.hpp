// A piece of work that waits, as a C++20 coroutine.
//
// Lazy and move-only. Whoever holds a task owns all that it waits for: to destroy it is to abandon
// it, at the place where it waits, with every task that it awaits. One thread.
// g++ 12 miscompiles `co_await` in the condition of a loop, and refuses braces that make a list in
// an expression that awaits: give what is awaited a name first. A task ends with a value or with an
// exception, which `co_await` or `take` hands on.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace actors::browsing {

template <class T>
class task;

namespace detail {

struct promise_base {
  struct end {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) const noexcept {
      auto waiter = h.promise().next;
      return waiter ? waiter : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  end final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failed = std::current_exception(); }

  std::coroutine_handle<> next;  ///< who awaits it
  std::exception_ptr failed;
};

template <class T>
struct promise : promise_base {
  task<T> get_return_object() noexcept;
  void return_value(T x) { value.emplace(std::move(x)); }
  T take() {
    if (failed) std::rethrow_exception(failed);
    return std::move(*value);
  }
  std::optional<T> value;
};

template <>
struct promise<void> : promise_base {
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (failed) std::rethrow_exception(failed);
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<T>;

  explicit task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  task(task&& x) noexcept : handle_(std::exchange(x.handle_, nullptr)), started_(x.started_) {}
  task& operator=(task&& x) noexcept {
    std::swap(handle_, x.handle_);
    std::swap(started_, x.started_);
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  /// Runs it up to its first wait, for who does not await it, or not yet.
  void start() {
    started_ = true;
    handle_.resume();
  }
  bool done() const { return handle_.done(); }
  T take() { return handle_.promise().take(); }

  bool await_ready() const noexcept { return handle_.done(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> who) noexcept {
    handle_.promise().next = who;
    if (std::exchange(started_, true)) return std::noop_coroutine();
    return handle_;
  }
  T await_resume() { return take(); }

 private:
  std::coroutine_handle<promise_type> handle_;
  bool started_ = false;
};

namespace detail {
template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}
}  // namespace detail

}  // namespace actors::browsing
