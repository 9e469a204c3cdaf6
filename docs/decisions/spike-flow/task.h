#pragma once
// A coroutine that starts when it is awaited, is owned by its Task, awaited at most once, and cancelled by destroying it.
//
// How control passes between an awaiting coroutine and the awaited one is chosen at compile time:
//   symmetric   await_suspend returns the next handle; the compiler must turn the resumption into a jump
//   trampoline  await_suspend leaves the next handle in a slot and returns to the loop in resume()
//
// Caveats: a Task must not be destroyed by code that it is running itself; post that to the loop.
// A reference parameter must outlive the Task. An exception that leaves a coroutine ends the program.

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#ifndef SPIKE_SYMMETRIC
#define SPIKE_SYMMETRIC 1
#endif

#ifndef SPIKE_SEPARATE
#define SPIKE_SEPARATE 1
#endif

// Compiles the coroutine as if it stood in a file of its own, where its caller cannot absorb its frame.
#if SPIKE_SEPARATE
#define SPIKE_APART [[gnu::noinline]]
#else
#define SPIKE_APART
#endif

// Tells clang that a Task refers to its reference parameters and captures; -Wdangling then reports one that outlives them.
#ifdef __clang__
#define SPIKE_TASK [[nodiscard, clang::coro_return_type, clang::coro_lifetimebound]]
#else
#define SPIKE_TASK [[nodiscard]]
#endif

namespace spike {

#if SPIKE_SYMMETRIC

using Transfer = std::coroutine_handle<>;

inline Transfer transfer_to(std::coroutine_handle<> next) { return next ? next : std::noop_coroutine(); }

inline void resume(std::coroutine_handle<> handle) { handle.resume(); }

#else

using Transfer = void;

// The coroutine to resume once the running one has returned; resume() is its only reader.
inline thread_local std::coroutine_handle<> next_handle;

inline Transfer transfer_to(std::coroutine_handle<> next) { next_handle = next; }

// Runs `handle` and whatever it passes control to. Called by the loop, never from inside a coroutine.
inline void resume(std::coroutine_handle<> handle) {
  for (; handle; handle = std::exchange(next_handle, nullptr)) handle.resume();
}

#endif

struct PromiseBase {
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    Transfer await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      return transfer_to(finished.promise().awaiting);
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

  std::coroutine_handle<> awaiting;
};

template <typename T>
struct Promise : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() noexcept { return std::coroutine_handle<Promise>::from_promise(*this); }
  template <typename Value>
  void return_value(Value&& value) {
    result.emplace(std::forward<Value>(value));
  }
  T take() { return std::move(*result); }

  std::optional<T> result;
};

template <>
struct Promise<void> : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() noexcept { return std::coroutine_handle<Promise>::from_promise(*this); }
  void return_void() const noexcept {}
  void take() const noexcept {}
};

template <typename T = void>
class SPIKE_TASK Task {
 public:
  using promise_type = Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // REQUIRES: not started yet. For the outermost task; every other one is started by awaiting it.
  void start() { resume(handle_); }
  bool done() const { return handle_.done(); }
  T take() { return handle_.promise().take(); }

  struct Awaiter {
    bool await_ready() const noexcept { return false; }
    Transfer await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      handle.promise().awaiting = awaiting;
      return transfer_to(handle);
    }
    T await_resume() const { return handle.promise().take(); }

    Handle handle;
  };

  Awaiter operator co_await() const noexcept { return {handle_}; }

 private:
  Handle handle_;
};

}  // namespace spike
