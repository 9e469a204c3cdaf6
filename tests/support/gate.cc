#include "tests/support/gate.h"

#include <limits>

namespace weir::testing {

namespace {

// How soon a waiting response notices that its client has left. Only an abandoned response ever waits for it.
constexpr Milliseconds kGlance{10};

}  // namespace

void Gate::release() {
  std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

void Gate::advance_to(std::int64_t position) {
  std::lock_guard lock(mutex_);
  position_ = position;
  changed_.notify_all();
}

bool Gate::wait_until_reached(int responses, Milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, within(timeout), [&] { return waiting_ >= responses; });
}

int Gate::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_;
}

std::uint64_t Gate::room(std::int64_t position) const {
  std::lock_guard lock(mutex_);
  if (released_) return std::numeric_limits<std::uint64_t>::max();
  return position_ > position ? static_cast<std::uint64_t>(position_ - position) : 0;
}

bool Gate::pass(std::int64_t position, const std::function<bool()>& gone) {
  std::unique_lock lock(mutex_);
  auto open = [&] { return released_ || position_ > position; };
  if (open()) return true;
  ++waiting_;
  changed_.notify_all();
  while (!open()) {
    changed_.wait_until(lock, within(kGlance));
    if (open()) break;
    lock.unlock();
    bool left = gone();
    lock.lock();
    if (left) break;
  }
  --waiting_;
  changed_.notify_all();
  return open();
}

}  // namespace weir::testing
