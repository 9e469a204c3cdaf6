#pragma once
// Semaphore: at most N at once, over all loops; those who wait are served in the order they came.

#include <memory>
#include <mutex>

#include "base/result.h"
#include "base/wait.h"

namespace weir {

class Semaphore : public std::enable_shared_from_this<Semaphore> {
 public:
  explicit Semaphore(unsigned limit) : free_(limit) {}

  // One place of the N; given back when destroyed, from any thread.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(std::shared_ptr<Semaphore> owner) : owner_(std::move(owner)) {}
    Permit(Permit&&) noexcept = default;
    Permit& operator=(Permit&& other) noexcept {
      reset();
      owner_ = std::move(other.owner_);
      return *this;
    }
    ~Permit() { reset(); }
    void reset() {
      if (auto owner = std::exchange(owner_, nullptr)) owner->release();
    }

   private:
    std::shared_ptr<Semaphore> owner_;
  };

  // Error: timeout when no place came free in time.
  Task<Result<Permit>> acquire(Loop& loop, Milliseconds timeout);

 private:
  void release();

  std::mutex mutex_;
  unsigned free_;       // guarded by mutex_
  unsigned queued_ = 0;  // guarded by mutex_; who waits or is about to look again
  WaitList waiting_;     // guarded by mutex_
};

}  // namespace weir
