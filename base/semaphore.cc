#include "base/semaphore.h"

namespace weir {

Task<Result<Semaphore::Permit>> Semaphore::acquire(Loop& loop, Milliseconds timeout) {
  const Instant deadline = loop.now() + timeout;
  for (bool queued = false;;) {
    std::unique_lock lock(mutex_);
    if (free_ > 0 && (queued || queued_ == 0)) {  // nobody is overtaken
      --free_;
      queued_ -= queued;
      if (free_ > 0) waiting_.wake_one();  // it came after the other place was free, and nobody has told it
      co_return Permit(shared_from_this());
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop.now());
    if (left.count() <= 0) {
      queued_ -= queued;
      if (free_ > 0) waiting_.wake_one();  // what this one was woken for is the next one's
      co_return Error{Failure::timeout, Side::upstream, true, "too many transfers at once, and none ended in time"};
    }
    queued_ += !queued;
    queued = true;
    const bool woken = co_await waiting_.wait(lock, loop, left);
    (void)woken;  // both lead to another look
  }
}

void Semaphore::release() {
  std::lock_guard lock(mutex_);
  ++free_;
  waiting_.wake_one();
}

}  // namespace weir
