#pragma once
// Ways for a Task to wait: a while (sleep_for), for one answer (OneShot), for a change that many wait for (WaitList).
// A waiting Task is always resumed on its own loop, whichever thread wakes it.

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/loop.h"
#include "base/task.h"

namespace weir {

// One answer from any thread to one Task. Held by shared_ptr on both sides: either may go first.
template <typename T>
class OneShot : public std::enable_shared_from_this<OneShot<T>> {
 public:
  explicit OneShot(Loop& loop) : loop_(loop) {}

  // Any thread, once.
  void set(T value) {
    auto self = this->shared_from_this();
    auto boxed = std::make_shared<T>(std::move(value));
    loop_.post([self, boxed] {
      self->value_.emplace(std::move(*boxed));
      self->wake();
    });
  }

  // On the loop. The answer, or nothing when `timeout` passed first (zero: no timeout).
  auto wait(Milliseconds timeout = Milliseconds(0)) {
    struct Awaiter {
      OneShot& shot;
      Milliseconds timeout;
      bool await_ready() const noexcept { return shot.value_.has_value(); }
      void await_suspend(std::coroutine_handle<> caller) {
        shot.waiting_ = caller;
        if (timeout.count() > 0) {
          shot.timer_.emplace(shot.loop_, [&s = shot] { s.wake(); });
          shot.timer_->start(timeout);
        }
      }
      std::optional<T> await_resume() {
        shot.timer_.reset();
        return std::exchange(shot.value_, std::nullopt);
      }
    };
    return Awaiter{*this, timeout};
  }

 private:
  void wake() {
    if (auto handle = std::exchange(waiting_, {})) handle.resume();
  }

  Loop& loop_;
  std::optional<T> value_;
  std::optional<Timer> timer_;
  std::coroutine_handle<> waiting_;
};

// Suspends for at least `duration`.
Task<void> sleep_for(Loop& loop, Milliseconds duration);

// Tasks of any loop that wait until what a mutex guards has changed. The list is guarded by that same mutex.
class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  ~WaitList() { MUST(waiters_.empty()); }

  // Call with the mutex locked: joins the list, unlocks, suspends. True when woken, false when `timeout` passed first
  // (zero: no timeout). The lock is not held afterwards; look again at what it guards.
  auto wait(std::unique_lock<std::mutex>& lock, Loop& loop, Milliseconds timeout = Milliseconds(0)) {
    return Awaiter{*this, lock, loop, timeout, nullptr};
  }

  // Call with the mutex locked.
  void wake_all();
  void wake_one();

 private:
  struct Waiter {
    Loop* loop = nullptr;
    std::coroutine_handle<> handle;  // touched on the loop only
    bool woken = false;
    std::optional<Timer> timer;
  };
  using WaiterPtr = std::shared_ptr<Waiter>;

  struct Awaiter {
    WaitList& list;
    std::unique_lock<std::mutex>& lock;
    Loop& loop;
    Milliseconds timeout;
    WaiterPtr waiter;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller);
    bool await_resume() const noexcept { return waiter->woken; }
  };

  static void resume(const WaiterPtr& waiter, bool woken);

  std::vector<WaiterPtr> waiters_;
};

}  // namespace weir
