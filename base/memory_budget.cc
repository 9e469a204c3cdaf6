#include "base/memory_budget.h"

namespace weir {

MemoryBudget::Share& MemoryBudget::Share::operator=(Share&& other) noexcept {
  if (this == &other) return *this;
  shrink_to(0);
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

bool MemoryBudget::Share::grow_to(std::uint64_t bytes) {
  if (bytes <= bytes_) return true;
  if (!budget_ || !budget_->try_take(bytes - bytes_)) return false;
  bytes_ = bytes;
  return true;
}

void MemoryBudget::Share::shrink_to(std::uint64_t bytes) {
  if (bytes >= bytes_) return;
  budget_->give_back(bytes_ - bytes);
  bytes_ = bytes;
}

bool MemoryBudget::try_take(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (bytes > capacity_ - used_) return false;
  used_ += bytes;
  return true;
}

void MemoryBudget::give_back(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  MUST(bytes <= used_);
  used_ -= bytes;
  waiting_.wake_all();
}

Task<Result<MemoryBudget::Share>> MemoryBudget::take(Loop& loop, std::uint64_t bytes, Milliseconds patience) {
  const Instant deadline = loop.now() + patience;
  auto taken = share();
  for (;;) {
    std::unique_lock lock(mutex_);
    if (bytes <= capacity_ - used_) {
      used_ += bytes;
      taken.bytes_ = bytes;
      break;
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop.now());
    if (left.count() <= 0) {
      lock.unlock();
      co_return exhausted();
    }
    const bool woken = co_await waiting_.wait(lock, loop, left);
    (void)woken;  // it is looked at again either way
  }
  co_return std::move(taken);
}

Error MemoryBudget::exhausted() {
  std::lock_guard lock(mutex_);
  ++refused_;
  return Error{Failure::overloaded, Side::local, true, "memory-budget is used up by answers that clients read slowly"};
}

std::uint64_t MemoryBudget::used() const {
  std::lock_guard lock(mutex_);
  return used_;
}

std::uint64_t MemoryBudget::refused() const {
  std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace weir
