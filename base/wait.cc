#include "base/wait.h"

#include <algorithm>

namespace weir {

Task<void> sleep_for(Loop& loop, Milliseconds duration) {
  struct Awaiter {
    Loop& loop;
    Milliseconds duration;
    std::optional<Timer> timer;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
      timer.emplace(loop, [caller] { caller.resume(); });
      timer->start(duration);
    }
    void await_resume() const noexcept {}
  };
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + duration;
  // Once at least, and again for what a timer that came early left.
  do {
    co_await Awaiter{loop, duration, std::nullopt};
    duration = std::chrono::ceil<Milliseconds>(until - Clock::now());
  } while (duration.count() > 0);
}

void WaitList::resume(const WaiterPtr& waiter, bool woken) {
  const auto handle = std::exchange(waiter->handle, {});
  if (!handle) return;  // the other of wake-up and timeout came first
  waiter->woken = woken;
  waiter->timer.reset();
  handle.resume();
}

void WaitList::Awaiter::await_suspend(std::coroutine_handle<> caller) {
  waiter = std::make_shared<Waiter>();
  waiter->loop = &loop;
  waiter->handle = caller;
  if (timeout.count() > 0) {
    // The list and its mutex outlive the Task that waits on them, so the timer may use both.
    waiter->timer.emplace(loop, [&list = list, mutex = lock.mutex(), weak = std::weak_ptr(waiter)] {
      const auto expired = weak.lock();
      if (!expired) return;
      {
        std::lock_guard guard(*mutex);
        std::erase(list.waiters_, expired);
      }
      resume(expired, false);
    });
    waiter->timer->start(timeout);
  }
  list.waiters_.push_back(waiter);
  lock.unlock();
}

void WaitList::wake_all() {
  for (auto& waiter : waiters_) {
    Loop& loop = *waiter->loop;
    loop.post([waiter = std::move(waiter)] { resume(waiter, true); });
  }
  waiters_.clear();
}

void WaitList::wake_one() {
  if (waiters_.empty()) return;
  const auto waiter = std::move(waiters_.front());
  waiters_.erase(waiters_.begin());
  waiter->loop->post([waiter] { resume(waiter, true); });
}

}  // namespace weir
